package buildpacks

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// review is an app of test/apps whose plan was compared with a page of its framework's own.
type review struct{ app, page string }

// reviews reads testdata/reviewed.txt: an app and the page a line.
func reviews(t *testing.T) []review {
	f, err := os.Open("testdata/reviewed.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []review
	for lines := bufio.NewScanner(f); lines.Scan(); {
		app, page, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			t.Fatalf("%q is no app and page", lines.Text())
		}
		all = append(all, review{app, page})
	}
	return all
}

// TestAppsCiteThePagesThatTheirPlansWereReviewedAgainst holds the list and the apps' comments together.
func TestAppsCiteThePagesThatTheirPlansWereReviewedAgainst(t *testing.T) {
	listed := map[string]string{}
	for _, r := range reviews(t) {
		listed[r.app] = strings.TrimSuffix(r.page, "/")
	}
	apps, err := os.ReadDir(appsFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps {
		claims, page := false, listed[app.Name()]
		err := filepath.WalkDir(filepath.Join(appsFolder, app.Name()), func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(name)
			if text := string(content); strings.Contains(text, "eviewed against") {
				claims = true
				if page == "" || !strings.Contains(text, page) {
					t.Errorf("%s claims a review that testdata/reviewed.txt does not list", name)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if page != "" && !claims {
			t.Errorf("%s does not cite %s", app.Name(), page)
		}
	}
}

// TestThePageOfFrameworksIsAsThePlansAre writes docs/frameworks.md out of the list and the plans.
func TestThePageOfFrameworksIsAsThePlansAre(t *testing.T) {
	type row struct{ language, framework, line string }
	var rows []row
	for _, r := range reviews(t) {
		content, err := os.ReadFile(filepath.Join("testdata/plans", r.app+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var p Plan
		if err := json.Unmarshal(content, &p); err != nil {
			t.Fatal(err)
		}
		framework := cmp.Or(p.Framework, p.PackageManager, p.Language)
		rows = append(rows, row{p.Language, framework, fmt.Sprintf("| %s | %s | %s | [page](%s) | %s |\n", p.Language, framework, startCell(p), r.page, r.app)})
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.language, b.language), cmp.Compare(a.framework, b.framework))
	})
	var b strings.Builder
	b.WriteString(frameworksHead)
	for _, r := range rows {
		b.WriteString(r.line)
	}
	const page = "../docs/frameworks.md"
	if *update {
		writeGolden(t, page, []byte(b.String()))
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s changed (-want +got):\n%s", page, diff)
	}
}

const frameworksHead = `# Frameworks

Plans that were compared with a page of the framework's own about building or deploying, and the app of ` + "`test/apps`" + ` that has
the plan. A test makes this page of the plans. How plans come about is in [buildpacks.md](buildpacks.md).

| language | framework or tool | started by | reviewed against | app |
|---|---|---|---|---|
`

// startCell is how a plan is started, as a cell of a table.
func startCell(p Plan) string {
	if p.Start == "" {
		return "served as a site, from " + "`" + p.Copy[0].From + "`"
	}
	return "`" + strings.ReplaceAll(p.Start, "|", `\|`) + "`"
}
