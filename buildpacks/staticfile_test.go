package buildpacks

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
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
