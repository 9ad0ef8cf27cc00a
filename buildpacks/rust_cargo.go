package buildpacks

import (
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// cargo is a Rust source: its packages, and the one to run.
type cargo struct {
	job
	root     cargoManifest
	packages []cargoPackage
	app      cargoPackage
}

type cargoPackage struct {
	dir      string
	manifest cargoManifest
	bins     []cargoBin
}

// cargoBin is one program.
type cargoBin struct {
	pkg, name string
	dir       string
	alone     bool // its package is the only one
}

// cargoManifest is what a plan needs of a Cargo.toml.
type cargoManifest struct {
	Package struct {
		Name        string `toml:"name"`
		DefaultRun  string `toml:"default-run"`
		RustVersion any    `toml:"rust-version"` // a version, or {workspace = true}
		AutoBins    *bool  `toml:"autobins"`
		Metadata    struct {
			Leptos *struct {
				OutputName string `toml:"output-name"`
				SiteRoot   string `toml:"site-root"`
			} `toml:"leptos"`
		} `toml:"metadata"`
	} `toml:"package"`
	Bins []struct {
		Name string `toml:"name"`
		Path string `toml:"path"`
	} `toml:"bin"`
	Workspace *struct {
		Members        []string `toml:"members"`
		Exclude        []string `toml:"exclude"`
		DefaultMembers []string `toml:"default-members"`
		Package        struct {
			RustVersion string `toml:"rust-version"`
		} `toml:"package"`
	} `toml:"workspace"`
	Dependencies      map[string]any `toml:"dependencies"`
	BuildDependencies map[string]any `toml:"build-dependencies"`
}

// features are those that a manifest asks of a dependency.
func (m cargoManifest) features(name string) []string {
	table, ok := m.Dependencies[name].(map[string]any)
	if !ok {
		return nil
	}
	list, _ := table["features"].([]any)
	var features []string
	for _, f := range list {
		if s, ok := f.(string); ok {
			features = append(features, s)
		}
	}
	return features
}

// readCargo reads Cargo.toml and those of the workspace's members; nil where there is none.
func readCargo(j job) (*cargo, error) {
	root, ok, err := readCargoManifest(j.source, "Cargo.toml")
	if err != nil || !ok {
		return nil, err
	}
	c := &cargo{job: j, root: root}
	for _, dir := range c.folders() {
		manifest, ok, err := readCargoManifest(j.source, path.Join(dir, "Cargo.toml"))
		if err != nil {
			return nil, err
		}
		if ok && manifest.Package.Name != "" {
			c.packages = append(c.packages, cargoPackage{dir, manifest, cargoBins(j.source, dir, manifest)})
		}
	}
	return c, nil
}

// readCargoManifest reads a Cargo.toml; one that is no TOML is a *SyntaxError with its line.
func readCargoManifest(s source, name string) (cargoManifest, bool, error) {
	var m cargoManifest
	content, ok, err := s.read(name)
	if err != nil || !ok {
		return m, false, err
	}
	if err := toml.Unmarshal(content, &m); err != nil {
		return m, false, tomlSyntax(name, err, "run `cargo metadata` to see what is wrong")
	}
	return m, true, nil
}

// folders are those of the packages: the root, and the workspace's members.
func (c *cargo) folders() []string {
	folders := []string{"."}
	if c.root.Workspace == nil {
		return folders
	}
	for _, pattern := range c.root.Workspace.Members {
		folders = append(folders, c.foldersWith("Cargo.toml", path.Clean(pattern))...)
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	folders = slices.DeleteFunc(folders, func(dir string) bool { return slices.Contains(c.root.Workspace.Exclude, dir) })
	return folders[:min(len(folders), maxMembers)]
}

// cargoBins are a package's programs: those that the manifest names, src/main.rs, and src/bin.
func cargoBins(s source, dir string, m cargoManifest) []cargoBin {
	var bins []cargoBin
	add := func(name string) {
		if name != "" && !slices.ContainsFunc(bins, func(b cargoBin) bool { return b.name == name }) && isPlainName(name) {
			bins = append(bins, cargoBin{pkg: m.Package.Name, name: name, dir: dir})
		}
	}
	mainNamed := false
	for _, b := range m.Bins {
		add(b.Name)
		mainNamed = mainNamed || path.Clean(b.Path) == "src/main.rs"
	}
	if auto := m.Package.AutoBins; auto != nil && !*auto {
		return bins
	}
	if s.isFile(path.Join(dir, "src/main.rs")) && !mainNamed {
		add(m.Package.Name)
	}
	for _, name := range s.list(path.Join(dir, "src/bin")) {
		if folder, ok := strings.CutSuffix(name, "/"); ok {
			if s.isFile(path.Join(dir, "src/bin", folder, "main.rs")) {
				add(folder)
			}
		} else if stem, ok := strings.CutSuffix(name, ".rs"); ok {
			add(stem)
		}
	}
	return bins
}

// isPlainName admits what can stand in a path and in a command as it is.
func isPlainName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// rustVersion is the oldest Rust that the packages build with, or "".
func (c *cargo) rustVersion() string {
	if v, ok := c.root.Package.RustVersion.(string); ok {
		return v
	}
	if c.root.Workspace != nil {
		return c.root.Workspace.Package.RustVersion
	}
	return ""
}

// chooseBin finds the program to run and the package that it is of.
func (c *cargo) chooseBin() (bin cargoBin, why string, err error) {
	bins := c.candidates()
	if len(bins) == 0 {
		if c.startGiven() && c.options.Build != "" {
			return cargoBin{}, "", nil
		}
		return cargoBin{}, "", &IncompleteError{Language: "Rust", Missing: "no package has a program: no src/main.rs, no src/bin and no [[bin]]",
			Advice: "add a src/main.rs, or give --build 'CMD' and --run 'CMD'"}
	}
	i, why := pickBin(bins, c)
	if i < 0 {
		return cargoBin{}, "", ambiguousBins(bins)
	}
	bin = bins[i]
	bin.alone = len(c.packages) == 1
	for _, p := range c.packages {
		if p.dir == bin.dir {
			c.app = p
		}
	}
	return bin, why, nil
}

// candidates are the programs of every package, or of the one that --dir names.
func (c *cargo) candidates() []cargoBin {
	var bins []cargoBin
	for _, p := range c.packages {
		if c.options.Dir == "" || c.options.Dir == p.dir {
			bins = append(bins, p.bins...)
		}
	}
	return bins
}

// pickBin chooses one of several programs; -1 where nothing tells.
func pickBin(bins []cargoBin, c *cargo) (int, string) {
	if len(bins) == 1 {
		return 0, "it is the only program"
	}
	only := func(is func(cargoBin) bool) int {
		found := -1
		for i, b := range bins {
			if is(b) {
				if found >= 0 {
					return -1
				}
				found = i
			}
		}
		return found
	}
	if i := only(func(b cargoBin) bool {
		return slices.Contains(shellWords(c.procfile.Web()), b.name) || strings.HasSuffix(firstWord(c.procfile.Web()), "/"+b.name)
	}); i >= 0 {
		return i, "the Procfile names it"
	}
	if i := only(func(b cargoBin) bool { return b.name == c.options.Service }); i >= 0 {
		return i, "it is named like the service"
	}
	if i := only(func(b cargoBin) bool { return c.defaultRun(b) }); i >= 0 {
		return i, "default-run in Cargo.toml names it"
	}
	if i := only(func(b cargoBin) bool { return b.dir == "." && b.name == b.pkg }); i >= 0 {
		return i, "it is the program of the package at the root"
	}
	if c.root.Workspace != nil {
		if i := only(func(b cargoBin) bool { return slices.Contains(c.root.Workspace.DefaultMembers, b.dir) }); i >= 0 {
			return i, "default-members in Cargo.toml name its package"
		}
	}
	for _, name := range []string{"server", "web", "api", "app"} {
		serving := func(b cargoBin) bool {
			return b.name == name || strings.HasSuffix(b.name, "-"+name) || strings.HasSuffix(b.name, "_"+name)
		}
		if i := only(serving); i >= 0 {
			return i, "of several programs, " + bins[i].name + " is the one that serves"
		}
	}
	return -1, ""
}

func firstWord(command string) string {
	for word := range strings.FieldsSeq(command) {
		return word
	}
	return ""
}

func (c *cargo) defaultRun(b cargoBin) bool {
	return slices.ContainsFunc(c.packages, func(p cargoPackage) bool { return p.dir == b.dir && p.manifest.Package.DefaultRun == b.name })
}

func ambiguousBins(bins []cargoBin) error {
	e := &AmbiguousError{What: "programs"}
	for _, b := range bins {
		e.Candidates = append(e.Candidates, b.name)
	}
	e.Choose = []string{"add a Procfile: `web: bin/" + bins[0].name + "`", "name default-run in the [package] of Cargo.toml",
		"name the service like the program"}
	return e
}

// selection are the flags that make cargo build this program and no other.
func (b cargoBin) selection() string {
	switch {
	case b.name == "":
		return ""
	case b.alone:
		return " --bin " + b.name
	}
	return " --package " + shellQuote(b.pkg) + " --bin " + b.name
}
