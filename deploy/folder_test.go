package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"csph/buildpacks"
	"csph/platform"
)

// folders is a source with an app in api/, a link to it, and links out of the source.
func folders(t *testing.T) string {
	t.Helper()
	outside := t.TempDir()
	dir := t.TempDir()
	for name, content := range map[string]string{
		filepath.Join(outside, "package.json"): `{"scripts":{"start":"node secret.js"}}`,
		filepath.Join(dir, "api/package.json"): `{"scripts":{"start":"node api.js"}}`,
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"linked": "api", "out": outside} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAFolderOfTheSourceIsWhatIsBuilt(t *testing.T) {
	dir := folders(t)
	for _, folder := range []string{"api", "linked", ""} { // without one, api is the only candidate
		plan, built, err := detect(dir, platform.Deployment{Config: platform.Config{Dir: folder}}, false, nil)
		if err != nil || plan.Start != "node api.js" || filepath.Base(built) != "api" {
			t.Errorf("%q: built %s, start %q, %v", folder, built, plan.Start, err)
		}
	}
}

func TestAFolderThatLeadsOutOfTheSourceIsRefused(t *testing.T) {
	dir := folders(t)
	var folder *buildpacks.FolderError
	if plan, _, err := detect(dir, platform.Deployment{Config: platform.Config{Dir: "out"}}, false, nil); !errors.As(err, &folder) {
		t.Errorf("got start %q, %v", plan.Start, err)
	}
	if built, err := inside(dir, "out"); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("got %s, %v", built, err)
	}
}
