package buildpacks

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// goWorkspace is the modules of a source: those that go.work uses, or the one at the root.
type goWorkspace struct {
	work    bool       // there is a go.work
	modules []goModule // the root's first
	version Version    // wanted, with its source; Resolved is empty
	local   []string   // folders outside of modules that replace directives point at
	here    []string   // paths of modules that are in the source: replaced by folders, or of the workspace
}

type goModule struct {
	dir      string // in the source; "." is the root
	path     string // "example.com/shop"
	requires []string
}

// readGoWorkspace reads go.work and every go.mod that takes part in the build; nil where there is neither.
func readGoWorkspace(s source) (*goWorkspace, error) {
	w := &goWorkspace{}
	dirs, err := w.readWork(s)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		if err := w.readModule(s, dir); err != nil {
			return nil, err
		}
	}
	if len(w.modules) == 0 {
		return nil, nil
	}
	return w, nil
}

// readWork returns the folders whose go.mod is to be read.
func (w *goWorkspace) readWork(s source) ([]string, error) {
	content, ok, err := s.read("go.work")
	if err != nil {
		return nil, err
	}
	if !ok {
		return []string{"."}, nil
	}
	file, err := modfile.ParseWork("go.work", content, nil)
	if err != nil {
		return nil, &SyntaxError{File: "go.work", Problem: err.Error(), Advice: "run `go work sync` to see what is wrong"}
	}
	w.work = true
	w.wantVersion("go.work", file.Go, file.Toolchain)
	var dirs []string
	for _, use := range file.Use {
		if dir := path.Clean(use.Path); insideSource(dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, replace := range file.Replace {
		w.addLocal(".", replace.New)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs), nil
}

func (w *goWorkspace) readModule(s source, dir string) error {
	name := path.Join(dir, "go.mod")
	content, ok, err := s.read(name)
	if err != nil || !ok {
		return err
	}
	file, err := modfile.Parse(name, content, nil)
	if err != nil {
		// Replacements are lost, but directives of newer releases do not stand in the way.
		file, err = modfile.ParseLax(name, content, nil)
	}
	if err != nil {
		return &SyntaxError{File: name, Problem: err.Error(), Advice: "run `go mod tidy` to see what is wrong"}
	}
	m := goModule{dir: dir}
	if file.Module != nil {
		m.path = file.Module.Mod.Path
	}
	for _, require := range file.Require {
		m.requires = append(m.requires, require.Mod.Path)
	}
	for _, replace := range file.Replace {
		w.addLocal(dir, replace.New)
		if replace.New.Version == "" {
			w.here = append(w.here, replace.Old.Path)
		}
	}
	w.here = append(w.here, m.path)
	w.wantVersion(name, file.Go, file.Toolchain)
	w.modules = append(w.modules, m)
	return nil
}

// wantVersion keeps the first version found: go.work's, else the first module's. A toolchain line goes first.
func (w *goWorkspace) wantVersion(file string, line *modfile.Go, toolchain *modfile.Toolchain) {
	switch {
	case w.version.Source != "":
	case toolchain != nil && toolchain.Name != "default" && toolchain.Name != "":
		w.version = Version{Wanted: toolchain.Name, Source: file + " toolchain line"}
	case line != nil:
		w.version = Version{Wanted: line.Version, Source: file + " go line"}
	}
}

// addLocal notes a replacement by a folder, which the download step must see too.
func (w *goWorkspace) addLocal(dir string, to module.Version) {
	if to.Version != "" || path.IsAbs(to.Path) {
		return
	}
	if local := path.Join(dir, to.Path); insideSource(local) {
		w.local = append(w.local, local)
	}
}

func insideSource(dir string) bool {
	return dir != ".." && !strings.HasPrefix(dir, "../") && !path.IsAbs(dir)
}

// manifests are the files that say which modules to download, those present, in a stable order.
func (w *goWorkspace) manifests(s source) []string {
	names := []string{"go.work", "go.work.sum"}
	dirs := slices.Clone(w.local)
	for _, m := range w.modules {
		dirs = append(dirs, m.dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		names = append(names, path.Join(dir, "go.mod"), path.Join(dir, "go.sum"))
	}
	return s.present(names...)
}

// requires tells whether any module depends on path.
func (w *goWorkspace) requires(modulePath string) bool {
	return slices.ContainsFunc(w.modules, func(m goModule) bool { return slices.Contains(m.requires, modulePath) })
}

func (w *goWorkspace) hasRequirements() bool {
	return slices.ContainsFunc(w.modules, func(m goModule) bool { return len(m.requires) > 0 })
}

// name is the last element of the module's path without its major version: what `go build` would call it.
func (m goModule) name() string {
	prefix, _, ok := module.SplitPathVersion(m.path)
	if !ok {
		prefix = m.path
	}
	if name := path.Base(prefix); name != "." && name != "/" && name != "" {
		return name
	}
	return cmp.Or(path.Base(m.dir), "app")
}
