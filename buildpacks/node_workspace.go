package buildpacks

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// member is one package of a workspace.
type member struct {
	dir string
	pkg packageJSON
}

// maxMembers bounds how many packages of a workspace are read.
const maxMembers = 500

// readMembers reads the packages that the root's workspace patterns name, sorted by folder.
func readMembers(s source, root packageJSON) ([]member, error) {
	var members []member
	for _, dir := range memberFolders(s, workspacePatterns(s, root)) {
		name := path.Join(dir, "package.json")
		content, ok, err := s.read(name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		pkg, err := parsePackageJSON(name, content)
		if err != nil {
			return nil, err
		}
		members = append(members, member{dir, pkg})
	}
	return members, nil
}

// workspacePatterns are those of package.json, and of pnpm-workspace.yaml.
func workspacePatterns(s source, root packageJSON) []string {
	patterns := slices.Clone([]string(root.Workspaces))
	var file struct {
		Packages []string `yaml:"packages"`
	}
	if text := s.text("pnpm-workspace.yaml"); text != "" && yaml.Unmarshal([]byte(text), &file) == nil {
		patterns = append(patterns, file.Packages...)
	}
	return patterns
}

// memberFolders finds the folders that patterns match; a pattern with ! in front takes folders out again.
func memberFolders(s source, patterns []string) []string {
	var folders []string
	for _, pattern := range patterns {
		out, isOut := strings.CutPrefix(pattern, "!")
		if isOut {
			folders = slices.DeleteFunc(folders, func(dir string) bool { return matchFolder(path.Clean(out), dir) })
			continue
		}
		folders = append(folders, s.foldersWith("package.json", path.Clean(pattern))...)
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	return folders[:min(len(folders), maxMembers)]
}

// foldersWith are the folders with a manifest that a pattern matches, the root left out.
func (s source) foldersWith(manifest, pattern string) []string {
	base := fixedFolder(pattern)
	if !fs.ValidPath(base) || !s.isDir(base) {
		return nil
	}
	var found []string
	notHidden := func(dir string) bool { return !strings.HasPrefix(path.Base(dir), ".") }
	s.walk(base, notHidden, func(name string) bool {
		if dir := path.Dir(name); path.Base(name) == manifest && dir != "." && matchFolder(pattern, dir) {
			found = append(found, dir)
		}
		return len(found) < maxMembers
	})
	return found
}

// fixedFolder is the part of a pattern before its first wildcard.
func fixedFolder(pattern string) string {
	var fixed []string
	for part := range strings.SplitSeq(pattern, "/") {
		if strings.ContainsAny(part, "*?[{") {
			break
		}
		fixed = append(fixed, part)
	}
	return path.Join(append([]string{"."}, fixed...)...)
}

// matchFolder matches a folder against a pattern in which ** stands for any number of folders.
func matchFolder(pattern, dir string) bool {
	return matchParts(strings.Split(pattern, "/"), strings.Split(dir, "/"))
}

func matchParts(pattern, parts []string) bool {
	if len(pattern) == 0 {
		return len(parts) == 0
	}
	if pattern[0] == "**" {
		return matchParts(pattern[1:], parts) || len(parts) > 0 && matchParts(pattern, parts[1:])
	}
	if len(parts) == 0 {
		return false
	}
	ok, err := path.Match(pattern[0], parts[0])
	return err == nil && ok && matchParts(pattern[1:], parts[1:])
}

func memberDirs(members []member) []string {
	dirs := make([]string, len(members))
	for i, m := range members {
		dirs[i] = m.dir
	}
	return dirs
}

// chooseMember moves the app to the member to deploy, where the root itself cannot be: the one named like the
// service, or the only one that can start or be served. --dir goes before all of them.
func (a *nodeApp) chooseMember() error {
	if dir := a.options.Dir; dir != "" {
		return a.takeMember(dir)
	}
	if len(a.members) == 0 || a.startGiven() || a.deployable() {
		return nil
	}
	var candidates []member
	for _, m := range a.members {
		if m.named(a.options.Service) {
			a.pkg, a.dir = m.pkg, m.dir
			return nil
		}
		if (&nodeApp{job: a.job, root: a.root, pkg: m.pkg, dir: m.dir, manager: a.manager}).deployable() {
			candidates = append(candidates, m)
		}
	}
	switch len(candidates) {
	case 0:
		return nil
	case 1:
		a.pkg, a.dir = candidates[0].pkg, candidates[0].dir
		return nil
	}
	e := ambiguousFolders("workspace members", memberDirs(candidates))
	e.Choose = append(e.Choose, "add a start script to package.json at the root")
	return e
}

// takeMember moves the app to the member in dir.
func (a *nodeApp) takeMember(dir string) error {
	for _, m := range a.members {
		if m.dir == dir {
			a.pkg, a.dir = m.pkg, m.dir
			return nil
		}
	}
	return &IncompleteError{Language: "Node.js", Missing: dir + " is no member of the workspace", Advice: "members are: " + strings.Join(memberDirs(a.members), ", ")}
}

func (m member) named(service string) bool {
	return service != "" && (path.Base(m.dir) == service || string(m.pkg.Name) == service ||
		strings.HasSuffix(string(m.pkg.Name), "/"+service))
}

// deployable tells a package that starts something or builds a site from a library.
func (a *nodeApp) deployable() bool {
	d := a.delivery()
	return d.site != nil || d.start != "" || a.startScript() != ""
}
