package buildpacks

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// detectFolder plans the folder that Options.Dir names: as a member of the workspace that the root of the source
// declares, with all of the source at hand, else as a source of its own.
func detectFolder(j job) (Plan, error) {
	dir := path.Clean(strings.TrimPrefix(j.options.Dir, "./"))
	if dir == "." || dir == "" {
		j.options.Dir = ""
		return detectHere(j)
	}
	if !fs.ValidPath(dir) || !j.isDir(dir) {
		return Plan{}, &FolderError{Dir: j.options.Dir, Folders: j.folders()}
	}
	j.options.Dir = dir
	if owner := j.workspaceOf(dir); owner != "" {
		p, err := detectHere(j)
		if err == nil {
			p.decide("folder "+dir, "--dir was given; it belongs to the workspace of "+owner+", which is built from the root", "")
		}
		return p, err
	}
	return detectAlone(j, dir, "--dir was given")
}

// detectAlone plans a folder as a source of its own: the build sees nothing above it.
func detectAlone(j job, dir, why string) (Plan, error) {
	sub, err := fs.Sub(j.FS, dir)
	if err != nil {
		return Plan{}, fmt.Errorf("open folder %s: %w", dir, err)
	}
	j.source, j.options.Dir, j.nested = source{sub}, "", true
	p, err := detectHere(j)
	if err != nil {
		return Plan{}, err
	}
	p.Dir = dir
	p.decide("folder "+dir, why, "csph deploy --dir FOLDER")
	return p, nil
}

// FolderError says that Options.Dir names no folder of the source.
type FolderError struct {
	Dir     string
	Folders []string // those that are there, at the root
}

func (e *FolderError) Error() string {
	found := strings.Join(e.Folders, ", ")
	if found == "" {
		found = "none"
	}
	return fmt.Sprintf("--dir %s is no folder of the source; folders there: %s\nGive a folder with / between its parts, from the root of the source", shorten(e.Dir), found)
}

// folders are those at the root, hidden ones left out.
func (s source) folders() []string {
	var found []string
	for _, name := range s.list(".") {
		if dir, ok := strings.CutSuffix(name, "/"); ok && !strings.HasPrefix(dir, ".") {
			found = append(found, dir)
		}
	}
	return found
}

// workspaceOf names the manifest at the root whose workspace a folder belongs to, or "". A folder with a
// Dockerfile of its own is built by that.
func (j job) workspaceOf(dir string) string {
	if j.isFile(path.Join(dir, "Dockerfile")) {
		return ""
	}
	for _, w := range []struct {
		file string
		has  func(job, string) bool
	}{
		{"nx.json", nxHas}, {"package.json", nodeWorkspaceHas}, {"go.work", goWorkspaceHas}, {"go.mod", goModuleHas}, {"Cargo.toml", cargoHas},
		{"pom.xml", mavenHas}, {"settings.gradle", gradleHas}, {"settings.gradle.kts", gradleHas},
	} {
		if j.isFile(w.file) && w.has(j, dir) {
			return w.file
		}
	}
	if d, err := readDotnet(j); err == nil && d != nil && slices.ContainsFunc(d.projects, func(p dotnetProject) bool { return path.Dir(p.file) == dir }) {
		return d.shownBy
	}
	return ""
}

func nodeWorkspaceHas(j job, dir string) bool {
	content, _, err := j.read("package.json")
	if err != nil {
		return false
	}
	root, err := parsePackageJSON("package.json", content)
	return err == nil && slices.Contains(memberFolders(j.source, workspacePatterns(j.source, root)), dir)
}

func nxHas(j job, dir string) bool {
	return slices.ContainsFunc(nxProjects(j.source), func(p nxProject) bool { return p.dir == dir })
}

func goWorkspaceHas(j job, dir string) bool {
	w, err := readGoWorkspace(j.source)
	return err == nil && w != nil && w.owns(j.source, dir)
}

// goModuleHas: a folder of the root's module, which has no go.mod of its own.
func goModuleHas(j job, dir string) bool {
	return !j.isFile(path.Join(dir, "go.mod")) && goWorkspaceHas(j, dir) && len(manifestsIn(j.source, dir)) == 0
}

func cargoHas(j job, dir string) bool {
	c, err := readCargo(j)
	return err == nil && c != nil && slices.ContainsFunc(c.packages, func(p cargoPackage) bool { return p.dir == dir })
}

func mavenHas(j job, dir string) bool {
	m, err := readMaven(j)
	return err == nil && m != nil && slices.Contains(foldersOf(m.modules), dir)
}

func gradleHas(j job, dir string) bool {
	g := readGradle(j)
	return g != nil && slices.Contains(g.folders(g.projects), dir)
}

// manifestsIn are the files of a folder that some detector looks for.
func manifestsIn(s source, dir string) []string {
	var found []string
	for _, d := range detectors() {
		for _, name := range d.looks {
			if s.isFile(path.Join(dir, name)) {
				found = append(found, name)
			}
		}
	}
	return found
}

// candidate is a folder that could be deployed by itself.
type candidate struct {
	dir      string
	language string
}

// candidates are the topmost folders with a manifest, examples and tests left out; sites only where there is
// nothing else.
func (j job) candidates() []candidate {
	languages := map[string]string{}
	for _, d := range detectors() {
		for _, name := range d.looks {
			languages[name] = d.language
		}
	}
	var found, sites []candidate
	enter := func(dir string) bool {
		base := path.Base(dir)
		return depth(dir) < nestedDepth && !strings.HasPrefix(base, ".") && !slices.Contains(asideFolders, base)
	}
	j.walk(".", enter, func(name string) bool {
		c := candidate{path.Dir(name), cmp.Or(languages[path.Base(name)], languages["*"+path.Ext(name)])}
		below := func(o candidate) bool { return c.dir == o.dir || strings.HasPrefix(c.dir, o.dir+"/") }
		switch {
		case c.language == "" || c.dir == "." || slices.ContainsFunc(found, below):
		case c.language == "static":
			sites = append(sites, c)
		default:
			found = append(found, c)
		}
		return len(found) < maxCandidates
	})
	if len(found) > 0 {
		return topmost(found)
	}
	return topmost(sites)
}

const maxCandidates = 20

// topmost leaves out what is below another, whichever was found first.
func topmost(all []candidate) []candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
		return slices.ContainsFunc(all, func(o candidate) bool { return strings.HasPrefix(c.dir, o.dir+"/") })
	})
}

// detectBelow goes on where nothing at the root was detected: with the only folder that could be deployed, or the one
// named like the service. Several are told with the command for each.
func detectBelow(j job) (Plan, error) {
	found := j.candidates()
	for _, c := range found {
		if path.Base(c.dir) == j.options.Service {
			return detectAlone(j, c.dir, "it is named like the service, and there is nothing at the root")
		}
	}
	switch len(found) {
	case 0:
		return Plan{}, notDetected(j)
	case 1:
		return detectAlone(j, found[0].dir, "it is the only folder that can be deployed, and there is nothing at the root")
	}
	dirs := make([]string, len(found))
	for i, c := range found {
		dirs[i] = c.dir
	}
	e := ambiguousFolders("folders", dirs)
	for i, c := range found {
		e.Candidates[i] += " (" + languageName(c.language) + ")"
	}
	return Plan{}, e
}

// ambiguousFolders is the error of several folders that could be the one to run, with the command for each.
func ambiguousFolders(what string, dirs []string) *AmbiguousError {
	e := &AmbiguousError{What: what, Candidates: slices.Clone(dirs)}
	for _, dir := range dirs {
		e.Choose = append(e.Choose, "csph deploy --dir "+shellQuote(dir))
	}
	e.Choose = append(e.Choose, "for pushes: csph services configure SERVICE --dir "+shellQuote(dirs[0]), "name the service like the folder")
	return e
}
