package buildpacks

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"csph/platform"
)

func TestAStaticfileIsRead(t *testing.T) {
	got, err := ParseStaticfile([]byte("---\nroot: ./site/  # built by hand\npushstate: enabled\ndirectory: visible\nforce_https: true\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Staticfile{Root: "site", Pushstate: true, Listing: true, Ignored: []string{"force_https"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAStaticfileThatSaysNothingKnownIsRefused(t *testing.T) {
	for _, content := range []string{"rooot: site", "root: ../secrets", "root: /etc", "root:", "pushstate: maybe", "directory: yes", "root"} {
		_, err := ParseStaticfile([]byte("# first\n" + content))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != 2 {
			t.Errorf("%q: got %v, want a SyntaxError in line 2", content, err)
		}
	}
}

func FuzzParseStaticfile(f *testing.F) {
	f.Add([]byte("root: public\npushstate: enabled\n"))
	f.Add([]byte("root: a/../../b"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := ParseStaticfile(content)
		if err == nil && s.Root != "" && !insideSource(s.Root) {
			t.Fatalf("root %q leads out of the source", s.Root)
		}
	})
}

func TestASiteIsServedByTheFileServerAlone(t *testing.T) {
	p := mustDetect(t, tree("Staticfile", "root: out\npushstate: enabled\ndirectory: visible", "out/index.html", "x"), Options{})
	want := platform.Site{Root: "/app/public", Fallback: "/index.html", Listing: true}
	if p.Site == nil || !cmp.Equal(want, *p.Site) || p.Start != "" || p.RunImage != "" || p.BuildImage != "" || p.Copy[0].From != "/out" {
		t.Errorf("got %+v from %+v in %q built in %q", p.Site, p.Copy, p.RunImage, p.BuildImage)
	}
	if p := mustDetect(t, tree("index.html", "x"), Options{Build: "make"}); p.Site == nil || p.BuildImage != debianImage || p.Copy[0].From != "/app" {
		t.Errorf("with a build: %+v from %+v built in %q", p.Site, p.Copy, p.BuildImage)
	}
}

func TestASiteWithCommandsOfItsOwnGetsAShell(t *testing.T) {
	site := []string{"index.html", "x", "Procfile"}
	if p := mustDetect(t, tree(append(site, "release: ./announce")...), Options{}); p.Site == nil || p.Start != "" || p.RunImage != debianImage {
		t.Errorf("with a release command: %+v, starts %q in %q", p.Site, p.Start, p.RunImage)
	}
	if p := mustDetect(t, tree(append(site, "web: ./serve")...), Options{}); p.Site != nil || p.Start != "./serve" || p.RunImage != debianImage {
		t.Errorf("with a web command: %+v, starts %q in %q", p.Site, p.Start, p.RunImage)
	}
	if p := mustDetect(t, tree(append(site, "worker: ./work")...), Options{Process: "worker"}); p.Site != nil || p.Start != "./work" || p.RunImage != debianImage {
		t.Errorf("as a worker: %+v, starts %q in %q", p.Site, p.Start, p.RunImage)
	}
}

func TestTheSourceOfAStaticServiceIsASiteWhateverElseItCouldStart(t *testing.T) {
	for name, files := range map[string][]string{
		"pages beside a server":  {"index.html", "x", "package.json", `{"scripts": {"start": "node server.js"}}`},
		"pages beside a program": {"public/index.html", "x", "go.mod", "module x\n\ngo 1.26\n", "main.go", helloGo},
		"a built app":            {"package.json", `{"scripts": {"build": "vite build", "start": "node server.js"}, "devDependencies": {"vite": "^7"}}`, "index.html", "x"},
	} {
		p, err := Detect(tree(files...), Options{Static: true})
		if err != nil || p.Site == nil {
			t.Errorf("%s: %+v, %v", name, p.Site, err)
		}
	}
	for name, c := range map[string]struct {
		files   []string
		options Options
	}{
		"a program":          {[]string{"go.mod", "module x\n\ngo 1.26\n", "main.go", helloGo}, Options{Static: true}},
		"a command to start": {[]string{"index.html", "x"}, Options{Static: true, Run: "./serve"}},
		"nothing":            {nil, Options{Static: true}},
	} {
		if p, err := Detect(tree(c.files...), c.options); !errors.Is(err, errNoSite) {
			t.Errorf("%s: %+v, %v", name, p.Site, err)
		}
	}
}
