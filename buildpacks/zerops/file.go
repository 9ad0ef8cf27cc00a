package zerops

import (
	"fmt"
	"slices"
	"strings"
)

// Names are the names that the file may have at the root of a source; the first that is there counts.
func Names() []string { return []string{"zerops.yml", "zerops.yaml"} }

// File is a zerops.yml that has no problems. extends is resolved.
type File struct {
	Name   string
	Setups []Setup // in the order of the file
}

// Setup is how one service is built and run.
type Setup struct {
	Name    string   `json:"name"`
	Extends []string `json:"extends,omitempty"`
	Build   *Build   `json:"build,omitempty"` // nil: nothing is built, the source is deployed as it is
	Deploy  Deploy   `json:"deploy,omitzero"`
	Run     Run      `json:"run"`

	line, column int
	extended     bool // another setup extends it: it need not be complete itself
}

// Build is the section build.
type Build struct {
	Base            []string          `json:"base,omitempty"`
	OS              string            `json:"os,omitempty"`
	PrepareCommands []string          `json:"prepare_commands,omitempty"`
	BuildCommands   []string          `json:"build_commands,omitempty"`
	DeployFiles     []string          `json:"deploy_files,omitempty"`
	Cache           Cache             `json:"cache,omitzero"`
	AddToRunPrepare []string          `json:"add_to_run_prepare,omitempty"`
	Env             map[string]string `json:"env,omitempty"`
}

// Cache says which files of /build/source are kept between builds.
type Cache struct {
	All   bool     `json:"all,omitempty"`
	Paths []string `json:"paths,omitempty"` // relative to /build/source, wildcards as in path.Match
}

// Any reports whether anything is kept.
func (c Cache) Any() bool { return c.All || len(c.Paths) > 0 }

// Parse reads a zerops.yml called name. Whatever is wrong with it is an *Error that holds all problems.
func Parse(name string, content []byte) (*File, error) {
	root, err := readTree(name, content)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name}
	var setups []*node
	r.section(root, "", []field{{"zerops", r.each(func(n *node, _ string) { setups = append(setups, n) })}})
	r.require(root, "", "zerops")
	if len(r.problems) == 0 && len(setups) == 0 {
		r.report(root, "zerops", "add one: - setup: NAME", "there is no setup in the list")
	}
	f := &File{Name: name}
	for i, n := range setups {
		r.setup(n, fmt.Sprintf("zerops[%d]", i)) // each one as it is written, for its problems
	}
	if len(r.problems) == 0 {
		f.Setups = r.resolve(setups)
	}
	if len(r.problems) > 0 {
		return nil, &Error{Problems: inOrder(r.problems)}
	}
	return f, nil
}

func (r *reader) setup(n *node, path string) Setup {
	s := Setup{line: n.line, column: n.column}
	r.section(n, path, []field{
		{"setup", r.text(&s.Name)},
		{"extends", r.texts(&s.Extends)},
		{"build", func(n *node, path string) { s.Build = r.build(n, path) }},
		{"deploy", func(n *node, path string) { s.Deploy = r.deploy(n, path) }},
		{"run", func(n *node, path string) { s.Run = r.run(n, path) }},
	})
	r.require(n, path, "setup")
	return s
}

func (r *reader) build(n *node, path string) *Build {
	b := &Build{}
	r.section(n, path, []field{
		{"base", r.bases(&b.Base, false)},
		{"os", r.oneOf(&b.OS, "alpine", "ubuntu")},
		{"prepareCommands", r.texts(&b.PrepareCommands)},
		{"buildCommands", r.texts(&b.BuildCommands)},
		{"deployFiles", r.selections(&b.DeployFiles)},
		{"cache", r.cache(&b.Cache)},
		{"addToRunPrepare", r.selections(&b.AddToRunPrepare)},
		{"envVariables", r.variables(&b.Env)},
	})
	return b
}

func (r *reader) cache(into *Cache) func(*node, string) {
	return func(n *node, path string) {
		if n.kind == boolean {
			r.boolean(&into.All)(n, path)
			return
		}
		if !r.is(n, path, text, list, boolean) {
			return
		}
		var paths []string
		r.paths(&paths)(n, path)
		for _, p := range paths {
			if p == "." {
				into.All = true
				continue
			}
			into.Paths = append(into.Paths, p)
		}
	}
}

// resolve merges what setups extend, and reads the outcome.
func (r *reader) resolve(nodes []*node) []Setup {
	byName := map[string]*node{}
	for _, n := range nodes {
		name := n.get("setup")
		if byName[name.value] != nil {
			r.report(name, "setup", "", "the setup %s is there twice", shorten(name.value))
			continue
		}
		byName[name.value] = n
	}
	var setups []Setup
	extended := map[string]bool{}
	for i, n := range nodes {
		s := r.setup(r.merged(n, byName, nil), fmt.Sprintf("zerops[%d]", i))
		for _, e := range s.Extends {
			extended[e] = true
		}
		setups = append(setups, s)
	}
	for i := range setups {
		setups[i].extended = extended[setups[i].Name]
	}
	return setups
}

// merged is a setup with the keys of build, deploy and run that it lacks taken from what it extends; of
// several, the first wins. Variables are merged one by one.
func (r *reader) merged(n *node, byName map[string]*node, via []string) *node {
	name := n.get("setup").value
	extends := n.get("extends")
	if extends == nil || len(r.problems) > 0 {
		return n
	}
	if slices.Contains(via, name) {
		r.report(extends, "extends", "", "goes round in a circle: %s", strings.Join(append(via, name), " → "))
		return n
	}
	names := extends.items
	if extends.kind == text {
		names = []*node{extends}
	}
	out := n
	for _, e := range names {
		base := byName[e.value]
		if base == nil {
			r.report(e, "extends", suggest(e.value, r.names(byName)), "there is no setup %s in this file", shorten(e.value))
			continue
		}
		out = inherit(out, r.merged(base, byName, append(via, name)), 0)
	}
	return out
}

func (r *reader) names(byName map[string]*node) []string {
	var names []string
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// inherit returns n with what it lacks taken from base. Sections are merged key by key, and so are variables;
// every other value stands for itself.
func inherit(n, base *node, depth int) *node {
	out := &node{kind: n.kind, line: n.line, column: n.column, entries: slices.Clone(n.entries)}
	for _, e := range base.entries {
		i := slices.IndexFunc(out.entries, func(o entry) bool { return o.key == e.key })
		merges := depth == 0 || e.key == "envVariables"
		switch {
		case i < 0 && !(depth == 0 && e.key == "extends"):
			out.entries = append(out.entries, e)
		case i >= 0 && merges && out.entries[i].value.kind == object && e.value.kind == object:
			out.entries[i].value = inherit(out.entries[i].value, e.value, depth+1)
		}
	}
	return out
}

// Choose returns the setup for a service: the one called setup where that is not "", else the one named like
// the service, else the only one. False when there is none.
func (f *File) Choose(setup, service string) (*Setup, bool) {
	named := func(name string) *Setup {
		for i := range f.Setups {
			if f.Setups[i].Name == name {
				return &f.Setups[i]
			}
		}
		return nil
	}
	if setup != "" {
		s := named(setup)
		return s, s != nil
	}
	if s := named(service); s != nil {
		return s, true
	}
	if len(f.Setups) == 1 {
		return &f.Setups[0], true
	}
	return nil, false
}

// SetupNames lists the setups in the order of the file.
func (f *File) SetupNames() []string {
	names := make([]string, len(f.Setups))
	for i, s := range f.Setups {
		names[i] = s.Name
	}
	return names
}

// Validate checks what only shows once a setup is to be used: that every setup which stands for a service has
// what a deployment needs. It returns an *Error that holds all problems, nil when there is none.
func (f *File) Validate() error {
	var problems []Problem
	for _, s := range f.Setups {
		if s.extended {
			continue
		}
		if _, err := f.Plan(&s, nil); err != nil {
			if e, ok := err.(*Error); ok {
				problems = append(problems, e.Problems...)
				continue
			}
			return err
		}
	}
	if len(problems) > 0 {
		return &Error{Problems: inOrder(problems)}
	}
	return nil
}
