package buildpacks

import (
	"slices"
	"strings"
)

// steps are those of the build: system packages, the package manager, dependencies, the project, assets.
func (a *pythonApp) steps(p *Plan, s pythonServing) {
	a.systemPackages(p)
	a.node.tools(p)
	if a.manager.tool() != "" {
		p.Steps = append(p.Steps, a.manager.setup())
	}
	a.installStep(p, s)
	a.node.installStep(p)
	a.projectStep(p)
	if build := a.options.Build; build != "" {
		p.Steps = append(p.Steps, Step{Name: "build", Command: build, Caches: a.node.caches()})
		p.decide("build: "+build, "--build was given", "")
		return
	}
	a.node.buildStep(p)
	p.Steps = append(p.Steps, s.steps...)
}

// installStep makes the virtual environment and installs what the manifests ask for, and the server that is missing.
func (a *pythonApp) installStep(p *Plan, s pythonServing) {
	if !a.hasVenv() {
		if s.install != "" {
			p.warn("there is no requirements.txt or pyproject.toml: add one with what the app needs")
		}
		return
	}
	commands := append([]string{"python -m venv " + venvFolder}, a.installCommands()...)
	if s.install != "" {
		commands = append(commands, "pip install "+shellQuote(s.install))
		p.decide(s.install+" is installed besides", "the app needs a server, and "+a.manifest()+" names none", "add the server of your choice to "+a.manifest())
	}
	if a.manager.lockfile == "" && a.manager.name != "pip" {
		p.warn("there is no lockfile: every build may install other versions; commit the one that %s writes", a.manager.name)
	}
	p.Steps = append(p.Steps, Step{Name: "install dependencies", Command: strings.Join(commands, "\n"),
		Inputs: a.manager.inputs(a.source), Caches: withPip(a.manager.caches(), s.install)})
}

func withPip(caches []string, install string) []string {
	if install == "" || slices.Contains(caches, pipCache) {
		return caches
	}
	return append(caches, pipCache)
}

// manifest is the file that lists the dependencies, as told to people.
func (a *pythonApp) manifest() string {
	switch {
	case len(a.manager.requirements) > 0:
		return a.manager.requirements[0]
	case a.manager.name == "pipenv":
		return "Pipfile"
	}
	return a.first("pyproject.toml", "setup.py", "setup.cfg")
}

// compileAll compiles what a package manager only unpacks: the app starts sooner.
const compileAll = "python -m compileall -q -j 0 " + venvFolder

// installCommands install the dependencies into the virtual environment, exactly as locked where there is a lockfile,
// and without the project itself: its files are not there yet.
func (a *pythonApp) installCommands() []string {
	locked := a.manager.lockfile != ""
	switch a.manager.name {
	case "uv":
		return []string{choose(locked, "uv sync --locked", "uv sync") + " --inexact --no-dev --no-install-project --no-install-workspace"}
	case "poetry":
		return []string{"poetry install --only main --no-root", compileAll}
	case "pdm":
		return []string{choose(locked, "pdm sync", "pdm install") + " --prod --no-self", compileAll}
	case "pipenv":
		return []string{choose(locked, "pipenv install --deploy", "pipenv install --skip-lock")}
	}
	return a.pipCommands()
}

func (a *pythonApp) pipCommands() []string {
	switch {
	case len(a.manager.requirements) > 0:
		return []string{"pip install -r " + shellQuote(a.manager.requirements[0])}
	case a.manager.whole:
		return []string{"pip install ."}
	case len(a.project.Project.Dependencies) == 0:
		return nil
	}
	quoted := make([]string, len(a.project.Project.Dependencies))
	for i, d := range a.project.Project.Dependencies {
		quoted[i] = shellQuote(strings.TrimSpace(strings.ReplaceAll(d, "\n", " ")))
	}
	return []string{"pip install " + strings.Join(quoted, " ")}
}

// projectStep installs the project itself where it is a package: its commands, and what lies below src/.
func (a *pythonApp) projectStep(p *Plan) {
	command := a.projectCommand()
	if command == "" {
		return
	}
	p.decide("the project itself is installed", "pyproject.toml has a build-system", "")
	p.Steps = append(p.Steps, Step{Name: "install the project", Command: command, Caches: a.manager.caches()})
}

func (a *pythonApp) projectCommand() string {
	if !a.project.isPackage() || a.manager.whole {
		return ""
	}
	switch a.manager.name {
	case "uv":
		return choose(a.manager.lockfile != "", "uv sync --locked", "uv sync") + " --inexact --no-dev"
	case "poetry":
		return "poetry install --only-root"
	case "pdm":
		return choose(a.manager.lockfile != "", "pdm sync", "pdm install") + " --prod"
	case "pip":
		if a.manager.direct {
			return "pip install --no-deps -e ."
		}
	}
	return ""
}
