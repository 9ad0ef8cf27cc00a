package buildpacks

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden plans anew")

const appsFolder = "../test/apps"

// TestEveryAppHasItsGoldenPlan detects every app of test/apps and compares the plan with the one on file.
func TestEveryAppHasItsGoldenPlan(t *testing.T) {
	apps, err := os.ReadDir(appsFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps {
		if app.IsDir() {
			t.Run(app.Name(), func(t *testing.T) { compareWithGolden(t, app.Name()) })
		}
	}
}

func compareWithGolden(t *testing.T, app string) {
	plan, err := Detect(os.DirFS(filepath.Join(appsFolder, app)), Options{Service: app})
	golden := filepath.Join("testdata/plans", app+".json")
	got := planJSON(t, plan)
	if err != nil {
		golden = filepath.Join("testdata/errors", app+".txt")
		got = []byte(err.Error() + "\n")
	}
	if *update {
		writeGolden(t, golden, got)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s changed (-want +got):\n%s", golden, diff)
	}
}

func planJSON(t *testing.T, plan Plan) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(plan); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeGolden(t *testing.T, file string, content []byte) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryGoldenHasItsApp finds plans and errors on file whose app is gone, or that the app no longer leads to.
func TestEveryGoldenHasItsApp(t *testing.T) {
	goldens, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, golden := range goldens {
		name := filepath.Base(golden)
		app := strings.TrimSuffix(name, filepath.Ext(name))
		if filepath.Base(filepath.Dir(golden)) == "fuzz" {
			continue
		}
		if seen[app] != "" {
			t.Errorf("%s and %s are both there", seen[app], golden)
		}
		seen[app] = golden
		if _, err := os.Stat(filepath.Join(appsFolder, app)); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is for an app that is not there", golden)
		}
	}
}
