package buildpacks

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// goFrontend is what Node.js builds for a Go program, which embeds the outcome: a folder of the source with a package.json.
type goFrontend struct {
	*frontend
	dir    string
	embeds string // the folder that is embedded, and not in the source
}

// readGoFrontend finds the package.json that makes a folder which //go:embed names and the source lacks: the nearest at
// or above that folder with a script called build. Nil where every embedded folder is there, or none makes it.
func readGoFrontend(j job, packages goPackages) (*goFrontend, error) {
	for _, embedded := range packages.embeds {
		if j.holdsFiles(embedded) {
			continue
		}
		for dir := path.Dir(embedded); ; dir = path.Dir(dir) {
			if j.isFile(path.Join(dir, "package.json")) {
				sub, err := fs.Sub(j.FS, dir)
				if err != nil {
					return nil, err
				}
				within := j
				within.source = source{sub}
				f, err := readFrontend(within, "build")
				if f == nil || err != nil {
					return nil, err
				}
				return &goFrontend{f, dir, embedded}, nil
			}
			if dir == "." {
				break
			}
		}
	}
	return nil, nil
}

// holdsFiles tells whether a folder has files in it that are more than place holders.
func (s source) holdsFiles(dir string) bool {
	held := false
	s.walk(dir, func(string) bool { return true }, func(name string) bool {
		held = held || !strings.HasPrefix(path.Base(name), ".")
		return !held
	})
	return held
}

// embeddedFolder is the folder of the source that a pattern of //go:embed in dir names, "" for a pattern of files.
func embeddedFolder(dir, pattern string) string {
	pattern = strings.TrimPrefix(pattern, "all:")
	for strings.ContainsAny(path.Base(pattern), "*?[") {
		pattern = path.Dir(pattern)
	}
	if name := path.Join(dir, pattern); path.Ext(name) == "" && pattern != "." && insideSource(name) {
		return name
	}
	return ""
}

// plan installs the packages and builds before the program is compiled.
func (f *goFrontend) plan(p *Plan) {
	if f == nil {
		return
	}
	p.decide(path.Join(f.dir, "package.json")+" is built first",
		"//go:embed names "+f.embeds+", which is not in the source", "commit what is embedded, or --build 'CMD'")
	first := len(p.Steps)
	f.tools(p)
	f.installStep(p)
	f.buildStep(p)
	for i := range p.Steps[first:] {
		step := &p.Steps[first+i]
		if f.dir == "." {
			continue
		}
		step.Command = "cd " + shellQuote(f.dir) + "\n" + step.Command
		for n, input := range step.Inputs {
			step.Inputs[n] = path.Join(f.dir, input)
		}
	}
}

func (f *goFrontend) paths() string {
	if f == nil {
		return ""
	}
	return f.frontend.paths()
}

func (f *goFrontend) env() map[string]string {
	if f == nil {
		return nil
	}
	return f.frontend.env()
}

// excludes are what of the frontend is not needed where the program runs.
func (f *goFrontend) excludes() []string {
	if f == nil || f.dir == "." {
		return nil
	}
	return []string{f.dir}
}

// embedsOf gathers the folders that a package embeds.
func (g *goPackages) embedsOf(dir string, patterns []string) {
	for _, pattern := range patterns {
		if folder := embeddedFolder(dir, pattern); folder != "" && !slices.Contains(g.embeds, folder) {
			g.embeds = append(g.embeds, folder)
		}
	}
}
