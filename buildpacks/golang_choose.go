package buildpacks

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// preferredGoMains are names that mark the program to serve with, best first.
var preferredGoMains = []string{"web", "server"}

// besideGoMain are names of programs that are run beside the one that serves.
var besideGoMain = regexp.MustCompile(`^(?:migrat|seed|worker|cron|jobs?$|scheduler|cli$|client$|gen)|(?:ctl|-cli|-client|-worker|-migrate)$`)

// asideFolders hold programs that are seldom the one to deploy.
var asideFolders = []string{"example", "examples", "_examples", "sample", "samples", "demo", "demos", "docs", "tools", "tool", "scripts", "script", "hack", "test", "tests",
	"testing", "testutil", "testutils", "testdata", "integration", "e2e", "bench", "benchmarks", "codegen", "contrib", "internal"}

// chooseGoMains says which programs to build, the one to start first, and sets the start command. With a
// Procfile every program that it names is built.
func (p *Plan) chooseGoMains(j job, w *goWorkspace, mains []goMain) ([]goMain, error) {
	if dir := j.options.Dir; dir != "" {
		mains = slices.DeleteFunc(slices.Clone(mains), func(m goMain) bool { return m.dir != dir && !strings.HasPrefix(m.dir, dir+"/") })
	}
	if len(mains) == 0 {
		return nil, p.noGoMain(j)
	}
	if named := namedByProcfile(j.procfile, mains); len(named) > 0 {
		p.startGo(named[0], "the Procfile names it")
		return named, nil
	}
	m, why := pickGoMain(j.options.Service, w, mains)
	if why == "" && !startsGiven(j) {
		return nil, ambiguousGo(withoutAside(mains))
	}
	p.startGo(m, why)
	return []goMain{m}, nil
}

// startsGiven tells whether the user says both how to build and what to start, so that no main need be found.
func startsGiven(j job) bool {
	return j.options.Build != "" && (j.options.Run != "" || j.procfile.Web() != "")
}

func (p *Plan) noGoMain(j job) error {
	if startsGiven(j) {
		return nil
	}
	return &IncompleteError{Language: "Go", Missing: "no package main was found: it is a library, not a program",
		Advice: "add a main package at the root or in cmd/NAME, or give --build 'CMD' and --run 'CMD'"}
}

func (p *Plan) startGo(m goMain, why string) {
	if why == "" {
		return
	}
	p.Start = appFolder + "/bin/" + m.name
	p.decide("program "+m.pattern(), why, "add a Procfile with `web: bin/NAME`, or --build 'CMD' and --run 'CMD'")
}

func ambiguousGo(mains []goMain) error {
	e := &AmbiguousError{What: "main packages", Choose: []string{
		"add a Procfile: `web: bin/" + mains[0].name + "`",
		"name the folder cmd/web or cmd/server, or like the service",
		"give --build 'go build -o bin/web " + mains[0].pattern() + "' and --run bin/web"}}
	for _, m := range mains {
		e.Candidates = append(e.Candidates, m.pattern())
	}
	return e
}

// namedByProcfile are the programs that process types name, web's first.
func namedByProcfile(f Procfile, mains []goMain) []goMain {
	var named []goMain
	commands := []string{f.Web()}
	for _, t := range f.Types {
		commands = append(commands, f.Commands[t])
	}
	for _, command := range commands {
		for _, m := range mains {
			if m.namedBy(command) && !slices.ContainsFunc(named, func(n goMain) bool { return n.name == m.name }) {
				named = append(named, m)
			}
		}
	}
	return named
}

// pickGoMain chooses one of several; why is empty where nothing tells.
func pickGoMain(service string, w *goWorkspace, mains []goMain) (m goMain, why string) {
	if len(mains) == 1 {
		return mains[0], "it is the only main package"
	}
	if i := slices.IndexFunc(mains, func(m goMain) bool { return m.dir == "." }); i >= 0 {
		return mains[i], "it is at the root of the source"
	}
	if m, ok := onlyNamed(mains, service); ok {
		return m, "it is named like the service"
	}
	if mains = withoutAside(mains); len(mains) == 1 {
		return mains[0], "the other main packages are tools or examples"
	}
	for _, module := range w.modules {
		if m, ok := onlyNamed(mains, module.name()); ok {
			return m, "it is named like the module"
		}
	}
	for _, name := range servingNames(w) {
		if m, ok := onlyNamed(mains, name); ok {
			return m, "of several programs, " + name + " is the one that serves"
		}
	}
	if main := slices.DeleteFunc(slices.Clone(mains), func(m goMain) bool { return besideGoMain.MatchString(m.name) }); len(main) == 1 {
		return main[0], "the other programs are, by their names, run beside it"
	}
	return goMain{}, ""
}

// servingNames are names of the program that serves, best first: web, server, and those that projects with a client
// beside it use (rekor-server, buildkitd).
func servingNames(w *goWorkspace) []string {
	names := slices.Clone(preferredGoMains)
	for _, module := range w.modules {
		for _, ending := range []string{"-server", "-web", "-api", "d"} {
			names = append(names, module.name()+ending)
		}
	}
	return names
}

// withoutAside leaves examples and tools out, where something else is there.
func withoutAside(mains []goMain) []goMain {
	if main := slices.DeleteFunc(slices.Clone(mains), goMain.aside); len(main) > 0 {
		return main
	}
	return mains
}

func onlyNamed(mains []goMain, name string) (goMain, bool) {
	var found []goMain
	for _, m := range mains {
		if name != "" && (m.name == name || path.Base(m.dir) == name) {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		return goMain{}, false
	}
	return found[0], true
}

func (m goMain) aside() bool {
	return slices.ContainsFunc(strings.Split(m.dir, "/"), func(folder string) bool { return slices.Contains(asideFolders, folder) })
}
