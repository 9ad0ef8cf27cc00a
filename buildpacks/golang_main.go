package buildpacks

import (
	"errors"
	"go/build"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// goMain is one main package.
type goMain struct {
	dir  string // in the source: "cmd/web"; "." is the root
	name string // of its binary
}

// pattern is the package as go commands take it.
func (m goMain) pattern() string {
	if m.dir == "." {
		return "."
	}
	return "./" + m.dir
}

// goPackages is what looking through a workspace's packages found.
type goPackages struct {
	mains  []goMain
	cgo    string   // a folder whose package imports "C", or ""
	embeds []string // folders that //go:embed names
	assets bool     // there are files that are no Go source and no documentation
}

// goContext reads packages out of the source as the go command would for linux, without running it.
func goContext(s source) *build.Context {
	return &build.Context{
		GOOS: "linux", GOARCH: "amd64", Compiler: "gc", CgoEnabled: true,
		ReleaseTags: goReleaseTags(),
		JoinPath:    path.Join,
		IsAbsPath:   func(string) bool { return false },
		IsDir:       s.isDir,
		HasSubdir:   func(string, string) (string, bool) { return "", false },
		ReadDir:     s.readDir,
		OpenFile:    func(name string) (io.ReadCloser, error) { return s.Open(name) },
	}
}

// readDir lists a folder's regular files in the form that go/build wants.
func (s source) readDir(dir string) ([]fs.FileInfo, error) {
	entries, err := fs.ReadDir(s.FS, dir)
	if err != nil {
		return nil, err
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() <= maxManifest {
			infos = append(infos, info)
		}
	}
	return infos, nil
}

func goReleaseTags() []string {
	var tags []string
	for n := 1; n <= goMinor(newestGo); n++ {
		tags = append(tags, "go1."+strconv.Itoa(n))
	}
	return tags
}

// findGoPackages looks at every package of the workspace's modules.
func findGoPackages(s source, w *goWorkspace) goPackages {
	var found goPackages
	ctx := goContext(s)
	for _, dir := range found.survey(s, w) {
		p, err := ctx.ImportDir(dir, 0)
		var multiple *build.MultiplePackageError
		if errors.As(err, &multiple) || p == nil {
			continue
		}
		if p.IsCommand() && len(p.GoFiles)+len(p.CgoFiles) > 0 {
			found.mains = append(found.mains, goMain{dir: dir, name: w.binaryName(dir)})
		}
		found.embedsOf(dir, p.EmbedPatterns)
		if len(p.CgoFiles) > 0 && found.cgo == "" {
			found.cgo = dir
		}
	}
	return found
}

// survey walks the source once: it returns the folders with Go files of the workspace's modules, sorted, and
// notes whether there is anything else worth having at run time.
func (g *goPackages) survey(s source, w *goWorkspace) []string {
	dirs := map[string]bool{}
	enter := func(dir string) bool {
		base := path.Base(dir)
		return !strings.HasPrefix(base, ".") && !strings.HasPrefix(base, "_")
	}
	s.walk(".", enter, func(name string) bool {
		switch {
		case path.Ext(name) == ".go":
			dirs[path.Dir(name)] = true
		case isGoAsset(name):
			g.assets = true
		}
		return true
	})
	return slices.DeleteFunc(slices.Sorted(maps.Keys(dirs)), func(dir string) bool { return !w.owns(s, dir) })
}

// owns tells whether the nearest go.mod at or above dir belongs to the workspace.
func (w *goWorkspace) owns(s source, dir string) bool {
	for {
		if s.isFile(path.Join(dir, "go.mod")) {
			return slices.ContainsFunc(w.modules, func(m goModule) bool { return m.dir == dir })
		}
		if dir == "." {
			return false
		}
		dir = path.Dir(dir)
	}
}

// binaryName is what `go build` calls the binary of the package in dir.
func (w *goWorkspace) binaryName(dir string) string {
	for _, m := range w.modules {
		if m.dir == dir {
			return m.name()
		}
	}
	return path.Base(dir)
}

// notGoAssets are files beside Go sources that no program opens.
var notGoAssets = []string{"go.mod", "go.sum", "go.work", "go.work.sum", "Makefile", "Procfile", "Dockerfile",
	"LICENSE", "LICENSE.txt", "COPYING", "AUTHORS", "NOTICE", "CODEOWNERS", "Taskfile.yml", "justfile",
	"docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", "mise.toml", "buf.yaml", "sqlc.yaml"}

// isGoAsset tells files that a program may open at run time from sources, manifests and documentation.
func isGoAsset(name string) bool {
	base := path.Base(name)
	return !strings.HasPrefix(base, ".") && path.Ext(base) != ".md" && !slices.Contains(notGoAssets, base)
}
