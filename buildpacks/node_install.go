package buildpacks

import (
	"slices"
	"strings"
)

func (a *nodeApp) setupStep(p *Plan) {
	if setup := a.manager.setup(); setup != "" && a.hasDependencies() {
		p.Steps = append(p.Steps, Step{Name: "install " + a.manager.name + " " + a.manager.version, Command: setup,
			Inputs: []string{"package.json"}, Caches: []string{"/root/.npm"}})
	}
}

func (a *nodeApp) hasDependencies() bool {
	some := func(p packageJSON) bool { return len(p.Dependencies)+len(p.DevDependencies)+len(p.Optional) > 0 }
	return some(a.root) || len(a.members) > 0 || a.manager.lockfile != ""
}

// installStep installs with nothing of the source but manifests, unless a script of the package needs more.
func (a *nodeApp) installStep(p *Plan, name, command string) {
	if a.hasDependencies() {
		p.Steps = append(p.Steps, a.installation(p, name, command))
	}
}

func (a *nodeApp) installation(p *Plan, name, command string) Step {
	step := Step{Name: name, Command: command, Caches: a.manager.caches(), Inputs: a.manager.manifests(a.source, memberDirs(a.members))}
	if script := a.unknownLifecycle(); script != "" {
		step.Inputs = nil
		p.decide("the whole source is there when dependencies are installed",
			"the "+script+" script may read it; so a change of any file installs again", "remove the script, or call it from build")
	}
	if a.manager.lockfile == "" {
		p.warn("there is no lockfile: every build may install other versions; commit the one that %s install writes", a.manager.name)
	}
	return step
}

// lifecycleScripts run when dependencies are installed.
var lifecycleScripts = []string{"preinstall", "install", "postinstall", "prepare", "prepublish"}

func (a *nodeApp) hasLifecycle() bool {
	return slices.ContainsFunc(lifecycleScripts, func(name string) bool { return a.root.Scripts[name] != "" })
}

// harmlessAtInstall are programs that read no more than manifests; prisma's schema is among those.
var harmlessAtInstall = []string{"husky", "patch-package", "prisma", "only-allow", "nuxt", "nuxi", "svelte-kit",
	"simple-git-hooks", "lefthook", "is-ci", "echo", "exit", "true", "test", "[", "fumadocs-mdx", "astro"}

// unknownLifecycle names an install script that may read the source, or "".
func (a *nodeApp) unknownLifecycle() string {
	for _, name := range lifecycleScripts {
		for _, program := range commandPrograms(a.root.Scripts[name]) {
			if !slices.Contains(harmlessAtInstall, program) {
				return name
			}
		}
	}
	return ""
}

// commandPrograms are the programs that a command line calls: the first word of each of its commands, past
// assignments and npx.
func commandPrograms(command string) []string {
	var programs []string
	parts := strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune("&|;\n()", r) })
	for _, part := range parts {
		if words := programWords(part); len(words) > 0 {
			programs = append(programs, words[0])
		}
	}
	return programs
}

// programWords are a simple command's words from its program on.
func programWords(command string) []string {
	words := strings.Fields(command)
	for len(words) > 0 {
		switch w := words[0]; {
		case strings.Contains(w, "=") && !strings.HasPrefix(w, "-"), w == "npx", w == "exec", w == "cross-env", w == "-y", w == "--yes":
			words = words[1:]
		default:
			return words
		}
	}
	return nil
}

// buildStep runs the build script, or what the framework builds with.
func (a *nodeApp) buildStep(p *Plan, d delivery) {
	command, why := a.buildCommand(d)
	if command == "" {
		return
	}
	p.decide("build: "+command, why, "scripts.build in package.json, or --build 'CMD'")
	if d.afterBuild != "" {
		command += "\n" + d.afterBuild
	}
	caches := a.manager.caches()
	for _, dir := range d.caches {
		caches = append(caches, a.appPath(dir))
	}
	p.Steps = append(p.Steps, Step{Name: "build", Command: "export NODE_ENV=production\n" + command, Caches: caches})
}

func (a *nodeApp) buildCommand(d delivery) (command, why string) {
	switch {
	case a.options.Build != "":
		return a.options.Build, "--build was given"
	case a.nx != nil:
		return d.build, "nx builds the project and what it needs"
	case a.dir != "." && a.root.needs("turbo") && a.isFile("turbo.json") && a.pkg.Scripts["build"] != "" && a.pkg.Name != "":
		return "turbo run build --filter=" + shellQuote(string(a.pkg.Name)), "turbo builds the member and what it needs"
	case a.dir != "." && a.root.Scripts["build"] != "":
		return a.manager.run(".", "build"), "scripts.build in package.json at the root of the workspace"
	case a.pkg.Scripts["build"] != "":
		return a.manager.run(a.dir, "build"), "scripts.build in " + a.in("package.json")
	case a.compileScript() != "":
		return a.manager.run(a.dir, a.compileScript()), "scripts." + a.compileScript() + " in " + a.in("package.json") + "; there is no scripts.build"
	case a.buildOfStart() != "":
		return inDir(a.dir, a.buildOfStart()), "scripts." + a.startScript() + " in " + a.in("package.json") + " begins with it"
	case d.build != "":
		return inDir(a.dir, d.build), "this is how " + d.framework + " is built"
	}
	return "", ""
}

// compileScript is the script that builds where none is called build, or "".
func (a *nodeApp) compileScript() string {
	for _, name := range []string{"build:prod", "build:production", "compile", "transpile"} {
		if a.pkg.Scripts[name] != "" {
			return name
		}
	}
	return ""
}

func inDir(dir, command string) string {
	if dir == "." || command == "" {
		return command
	}
	return "cd " + shellQuote(dir) + " && " + command
}

// planDependencies installs, builds and copies for an app that runs on its node_modules, without those of
// development where it can do without.
func (a *nodeApp) planDependencies(p *Plan, d delivery) {
	if a.installsInPlace(p, d) {
		a.planInPlace(p, d)
	} else if modules := a.planCopied(p, d); a.hasDependencies() {
		p.Copy = append(p.Copy, Copy{From: modules, To: appFolder + "/node_modules"})
	}
	p.Copy = append(p.Copy, Copy{From: appFolder, To: appFolder, Exclude: append([]string{".git", "node_modules"}, a.cacheExcludes(d)...)})
}

// installsInPlace tells whether what the app runs on can be installed in the run image itself: by npm, which is in it,
// without compilers, and with nothing but manifests. An app that is built with no more than it runs on installs once.
func (a *nodeApp) installsInPlace(p *Plan, d delivery) bool {
	command, _ := a.buildCommand(d)
	plain := a.manager.name == "npm" && a.hasDependencies() && len(a.members) == 0 && a.nx == nil && !a.hasLifecycle()
	return plain && len(p.Steps) == 0 && !a.generates() && a.playwright() == "" && a.devAtRunTime(p.Start) == "" &&
		(command == "" || a.hasDevDependencies() && a.manager.lockfile != "")
}

// planInPlace installs in the run image, and in the build container what building needs besides.
func (a *nodeApp) planInPlace(p *Plan, d delivery) {
	name, command := "install dependencies", a.manager.install()
	if a.hasDevDependencies() {
		name, command = "install production dependencies", a.manager.installProduction()
		p.decide("without development dependencies in the run image", "the others are installed in it", "")
	}
	p.RunSteps = append(p.RunSteps, a.installation(p, name, command))
	if build, _ := a.buildCommand(d); build != "" {
		a.installStep(p, "install dependencies", a.manager.install())
		a.buildStep(p, d)
	}
}

// planCopied installs and builds in the build container, and returns the folder that has what the app runs on.
func (a *nodeApp) planCopied(p *Plan, d delivery) (modules string) {
	command, _ := a.buildCommand(d)
	modules = appFolder + "/node_modules"
	simple := len(a.members) == 0 && !a.hasLifecycle() && a.manager.installProduction() != ""
	switch dev := a.devAtRunTime(p.Start); {
	case dev != "":
		p.decide("development dependencies stay", "a command that runs needs "+dev, "move "+dev+" to dependencies")
		fallthrough
	case !a.hasDevDependencies() && len(a.others()) == 0:
		a.installStep(p, "install dependencies", a.manager.install())
		a.buildStep(p, d)
	case simple && command == "":
		p.decide("without development dependencies", "nothing is built", "")
		a.installStep(p, "install dependencies", a.manager.installProduction())
	case simple && a.manager.lockfile != "" && !a.generates():
		p.decide("without development dependencies in the run image", "they are installed apart", "")
		a.installStep(p, "install production dependencies",
			a.manager.installProduction()+"\nmkdir -p node_modules "+productionFolder+"\nmv node_modules "+productionFolder+"/")
		a.installStep(p, "install dependencies", a.manager.install())
		a.buildStep(p, d)
		modules = productionFolder + "/node_modules"
	default:
		p.decide("without development dependencies in the run image", "they are removed after the build", "")
		a.installStep(p, "install dependencies", a.manager.install())
		a.buildStep(p, d)
		a.pruneStep(p)
	}
	return modules
}

// cacheExcludes are the build's caches, relative to the app folder.
func (a *nodeApp) cacheExcludes(d delivery) []string {
	var excludes []string
	for _, dir := range d.caches {
		if !strings.HasPrefix(dir, "node_modules/") {
			excludes = append(excludes, a.in(dir))
		}
	}
	return excludes
}

func (a *nodeApp) hasDevDependencies() bool {
	return len(a.root.DevDependencies) > 0 ||
		slices.ContainsFunc(a.members, func(m member) bool { return len(m.pkg.DevDependencies) > 0 })
}

// generates tells whether the build writes into node_modules, which installing apart would lose.
func (a *nodeApp) generates() bool {
	return a.pkg.needsAny("prisma", "@prisma/client", "contentlayer", "@zenstackhq/runtime")
}

// programPackages are programs whose package has another name.
var programPackages = map[string]string{"tsc": "typescript", "nest": "@nestjs/cli", "ng": "@angular/cli",
	"react-router-serve": "@react-router/serve", "remix-serve": "@remix-run/serve", "babel-node": "@babel/node",
	"knex-migrate": "knex", "sequelize": "sequelize-cli", "vue-cli-service": "@vue/cli-service", "swc-node": "@swc-node/register"}

// devAtRunTime names a development dependency that a command of the run image calls, or "".
func (a *nodeApp) devAtRunTime(start string) string {
	for _, command := range append(a.commands(), start) {
		if script := calledScript(command); a.pkg.Scripts[script] != "" {
			command = a.expand(script)
		}
		for _, word := range shellWords(command) {
			if name := a.devPackage(word); name != "" {
				return name
			}
		}
	}
	return ""
}

func (a *nodeApp) devPackage(word string) string {
	bare, _, _ := strings.Cut(word, "/")
	for _, name := range []string{word, bare, programPackages[word]} {
		for _, pkg := range []packageJSON{a.root, a.pkg} {
			if name != "" && pkg.DevDependencies[name] != "" && pkg.Dependencies[name] == "" {
				return name
			}
		}
	}
	return ""
}
