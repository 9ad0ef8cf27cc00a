package deploy_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"csph/deploy"
	"csph/platform"
)

// folder is a source that is a folder of the test.
type folder string

func (f folder) Describe() platform.Source                { return platform.Source{Kind: platform.FromTarball} }
func (f folder) Checkout(context.Context) (string, error) { return string(f), nil }

func TestWhereTheSourceLeavesTheChoiceAVersionIsTakenThatCanBeHad(t *testing.T) {
	w := newWorld(t)
	w.builder.set(func(b *fakeBuilder) { b.held = map[string][]string{"Python": {"3.11"}} })
	for version, want := range map[string]string{"": "3.11", "3.12\n": "3.12"} {
		dir := t.TempDir()
		for name, content := range map[string]string{"app.py": "print(1)\n", "requirements.txt": "", ".python-version": version} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: folder(dir)})
		if err != nil || d.Status != platform.Live {
			t.Fatalf("%+v, %v", d, err)
		}
		if got := w.builder.lastOrder().Plan.Version.Resolved; got != want {
			t.Errorf("with .python-version %q Python %s is built, not %s", version, got, want)
		}
	}
}
