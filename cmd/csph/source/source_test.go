package source

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree writes files (name to content; a name that ends with / is a folder, -> a link) into a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		target, isLink := strings.CutPrefix(content, "-> ")
		var err error
		if isLink {
			err = os.Symlink(target, full)
		} else {
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packed packs dir and lists the files and links in the archive.
func packed(t *testing.T, dir string) []string {
	t.Helper()
	src, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := src.Manifest(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeDir {
			names = append(names, h.Name)
		}
	}
}

// run runs git; input may be empty.
func run(t *testing.T, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	var exit *exec.ExitError
	nothingIgnored := args[0] == "check-ignore" && errors.As(err, &exit) && exit.ExitCode() == 1
	if err != nil && !nothingIgnored {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return string(out)
}

func TestIgnoreFilesOfAFolderAreHonoured(t *testing.T) {
	dir := tree(t, map[string]string{
		"main.go": "", "a.log": "", "keep.log": "", "sub/b.log": "", "sub/local": "", "sub/x/local": "",
		"node_modules/x/index.js": "", "dist/app": "", "docs/a.md": "", "docs/b.md": "", "link": "-> main.go",
		".git-is-no-git": "", "Dockerfile": "", "Procfile": "",
		".gitignore": "*.log\n!keep.log\nnode_modules/\n", "sub/.gitignore": "/local\n",
		".dockerignore": "dist\nDockerfile\nProcfile\n", ".deployignore": "docs/*\n!docs/b.md\n",
	})
	want := []string{".deployignore", ".dockerignore", ".git-is-no-git", ".gitignore", "Dockerfile", "Procfile", "docs/b.md", "keep.log", "link", "main.go", "sub/.gitignore", "sub/x/local"}
	if got := packed(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestExceptionsOfADockerignoreBringFilesBack(t *testing.T) {
	dir := tree(t, map[string]string{"a/x": "", "a/keep": "", "b": "", ".dockerignore": "*\n!a/keep\n"})
	if got, want := packed(t, dir), []string{".dockerignore", "a/keep"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What the build would leave out needs no upload, and nothing else may be missing from it.
func TestADeployignoreIsReadAsTheBuildReadsIt(t *testing.T) {
	dir := tree(t, map[string]string{"src/tmp/x": "", "a/src/tmp/x": "", "dist/x": "", "a/dist/x": "", "a.log": "", "keep.log": "",
		".dockerignore": "*.log\n", ".deployignore": "src/tmp\n/dist\n!keep.log\n"})
	if got, want := packed(t, dir), []string{".deployignore", ".dockerignore", "a/dist/x", "keep.log"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestHEADOfAWorkTreeIsPackedAndChangesAreCounted(t *testing.T) {
	dir := tree(t, map[string]string{"go.mod": "", "main.go": "", "notes/x": "", "sub/app/main.go": "", ".deployignore": "notes/\n"})
	run(t, dir, "", "init", "-q", "-b", "main")
	if got, want := packed(t, dir), []string{".deployignore", "go.mod", "main.go", "sub/app/main.go"}; !slices.Equal(got, want) {
		t.Errorf("before the first commit: %v, want %v", got, want)
	}
	run(t, dir, "", "add", ".")
	run(t, dir, "", "commit", "-q", "-m", "First")
	for name, content := range map[string]string{"main.go": "changed", "new.go": "new"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(t.Context(), dir)
	if err != nil || src.Commit == "" || src.Dirty != 2 {
		t.Errorf("%+v, %v", src, err)
	}
	if got, want := packed(t, dir), []string{".deployignore", "go.mod", "main.go", "sub/app/main.go"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := packed(t, filepath.Join(dir, "sub/app")), []string{"main.go"}; !slices.Equal(got, want) {
		t.Errorf("a folder of it: %v, want %v", got, want)
	}
}

func TestAFolderWithNothingToDeployIsAnError(t *testing.T) {
	for _, files := range []map[string]string{{}, {"x": "", ".deployignore": "*\n"}} {
		src, err := Open(t.Context(), tree(t, files))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.Manifest(t.Context(), io.Discard); err == nil {
			t.Errorf("%v is packed", files)
		}
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a folder that is not there is opened")
	}
}

// TestPatternsMeanWhatGitSaysTheyMean asks git itself.
func TestPatternsMeanWhatGitSaysTheyMean(t *testing.T) {
	files := []string{"a", "b.txt", "b.txt.bak", "dir/a", "dir/b.txt", "dir/sub/a", "dir/sub/c?d", "deep/er/dir/a", "x y", "[z]", "#hash", "!bang", "dir2/a", "foo/bar", "q/foo/bar", "trail "}
	content := map[string]string{}
	for _, f := range files {
		content[f] = ""
	}
	for _, text := range []string{
		"a", "/a", "dir/", "dir", "/dir", "*.txt", "*.txt*", "dir/*", "dir/**", "**/a", "dir/**/a", "**/dir/a", "foo/bar", "/foo", "foo/",
		"*\n!a", "*\n!dir/\n!a", "dir/*\n!dir/sub", "?", "[ab]", "[!a]", "[z]", `\[z]`, `\#hash`, `\!bang`, "#hash", "x y", "x y   ", `trail\ `,
		"", "/", "**", "*/", "*/a", "dir2/a/", "!a", "a/**", "**/", "c[?]d", "sub/a", "dir/sub/c?d",
	} {
		dir := tree(t, content)
		run(t, dir, "", "init", "-q")
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		input := strings.Join(files, "\x00")
		want := strings.FieldsFunc(run(t, dir, input, "check-ignore", "--no-index", "-z", "--stdin"), func(r rune) bool { return r == 0 })
		var got []string
		for _, f := range files {
			if ignores(parseRules(".", text), f) {
				got = append(got, f)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q: ignored %q, git ignores %q", text, got, want)
		}
	}
}

// ignores walks down to name as a packer does: what is in an ignored folder is ignored.
func ignores(r rules, name string) bool {
	if parent := path.Dir(name); parent != "." {
		for i := range len(parent) + 1 {
			if i == len(parent) || parent[i] == '/' {
				if ignored, _ := r.verdict(parent[:i], true); ignored {
					return true
				}
			}
		}
	}
	ignored, _ := r.verdict(name, false)
	return ignored
}

func FuzzPatterns(f *testing.F) {
	f.Add("**/a\n!b/\n[x", "dir/a")
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 200 || len(name) > 200 {
			return // matching is exponential in the number of **, which the user has written himself
		}
		ignores(parseRules(".", text), path.Clean(name))
	})
}

// With a zerops.yml, .deployignore says what does not go into the run image; the build has all of the source.
func TestDeployignoreLeavesNothingOutWhereZeropsBuilds(t *testing.T) {
	dir := tree(t, map[string]string{"zerops.yaml": "", "src/main.ts": "", ".deployignore": "src\n", ".dockerignore": "docs\n", "docs/a": ""})
	if got, want := packed(t, dir), []string{".deployignore", ".dockerignore", "src/main.ts", "zerops.yaml"}; !slices.Equal(got, want) {
		t.Errorf("packed %q, want %q", got, want)
	}
}
