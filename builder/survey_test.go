package builder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"csph/buildpacks"
)

func TestASurveySeesEveryChangeThatABuildCanSeeAndNoOther(t *testing.T) {
	dir := source(t, map[string]string{"package.json": "{}", "src/a.js": "a", "src/b.js": "b", ".git/HEAD": "x", ".dockerignore": "*.log\n", "x.log": "1"})
	steps := []buildpacks.Step{{Inputs: []string{"package.json", "package-lock.json"}}, {}}
	look := func() survey {
		t.Helper()
		mounts, err := sourceMounts(dir, "")
		must(t, err)
		s, err := surveySource(t.Context(), mounts[sourceMount], steps)
		must(t, err)
		return s
	}
	first := look()
	for name, change := range map[string]func(){
		"another time":     func() { must(t, os.Chtimes(filepath.Join(dir, "src/a.js"), time.Now(), time.Now().Add(-time.Hour))) },
		"an ignored file":  func() { write(t, filepath.Join(dir, "x.log"), "2") },
		"git's own folder": func() { write(t, filepath.Join(dir, ".git/HEAD"), "y") },
	} {
		if change(); look().digest != first.digest {
			t.Errorf("%s is taken for a change", name)
		}
	}
	seen := map[string]string{first.digest: "nothing"}
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"content of the same size", func() { write(t, filepath.Join(dir, "src/a.js"), "z") }},
		{"text moved from one file to the next", func() { write(t, filepath.Join(dir, "src/a.js"), "zb"); write(t, filepath.Join(dir, "src/b.js"), "") }},
		{"an executable bit", func() { must(t, os.Chmod(filepath.Join(dir, "src/a.js"), 0o755)) }},
		{"another name", func() { must(t, os.Rename(filepath.Join(dir, "src/b.js"), filepath.Join(dir, "src/c.js"))) }},
		{"an empty folder", func() { must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755)) }},
		{"a link", func() { must(t, os.Symlink("src/a.js", filepath.Join(dir, "link"))) }},
		{"a link's target", func() {
			must(t, os.Remove(filepath.Join(dir, "link")))
			must(t, os.Symlink("src/c.js", filepath.Join(dir, "link")))
		}},
	} {
		c.change()
		now := look().digest
		if before, ok := seen[now]; ok {
			t.Errorf("%s looks like %s", c.name, before)
		}
		seen[now] = c.name
	}
}

func TestASurveyKnowsWhenFilesWereChanged(t *testing.T) {
	dir := source(t, map[string]string{"package.json": "{}", "main.js": "a"})
	early, late := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	must(t, os.Chtimes(filepath.Join(dir, "package.json"), early, early))
	must(t, os.Chtimes(filepath.Join(dir, "main.js"), late, late))
	mounts, err := sourceMounts(dir, "")
	must(t, err)
	for _, c := range []struct {
		inputs []string
		want   time.Time
	}{{[]string{"package.json"}, early.Truncate(time.Second)}, {nil, late}, {[]string{"absent"}, late}} {
		s, err := surveySource(t.Context(), mounts[sourceMount], []buildpacks.Step{{Inputs: c.inputs}})
		must(t, err)
		if !s.newest.Equal(late) || !s.manifests.Equal(c.want) {
			t.Errorf("inputs %q: files are of %v and %v, want %v", c.inputs, s.newest, s.manifests, c.want)
		}
	}
}
