package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// pythonApp is a Python source: what its project files say, how its dependencies are installed, what they are.
type pythonApp struct {
	job
	project  pyproject
	manager  pythonManager
	packages pythonPackages
	node     *frontend // assets that Node.js builds; nil where there are none
}

const (
	venvFolder = "/opt/venv"
	pipCache   = "/root/.cache/pip"
	// bytecodeEpoch has compiled files checked by the content of their source (PEP 552): its time is another one in
	// the run image. The date is the first of 2000, which archives can hold.
	bytecodeEpoch = "946684800"
)

// pythonFiles are looked for at the root; any of them is a Python source.
var pythonFiles = []string{"requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py", "main.py", "app.py"}

// detectPython plans a Python project: a virtual environment with its dependencies, and a server that its framework
// is meant for.
func detectPython(j job) (*Plan, error) {
	a, why, err := readPythonApp(j)
	if a == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "python", User: runUser, PackageManager: a.manager.name}
	p.decide("Python", why, "add a Dockerfile")
	if err := p.choosePython(a); err != nil {
		return nil, err
	}
	p.BuildImage = pythonImage(p.Version.Resolved)
	p.RunImage = p.BuildImage
	if a.manager.name != "" {
		p.decide(a.manager.name, a.manager.why, "commit the lockfile of one package manager")
	}
	serving, err := a.serving()
	if err != nil {
		return nil, err
	}
	p.Framework = serving.framework
	if p.Framework != "" {
		p.decide("framework "+p.Framework, serving.why, "")
	}
	a.environment(p, serving)
	a.steps(p, serving)
	if serving.site != nil {
		p.RunPackages = nil
		p.serve(*serving.site)
		return p, nil
	}
	a.copies(p)
	a.start(p, serving)
	return p, nil
}

// readPythonApp reads the project files; nil where the source is of another language.
func readPythonApp(j job) (*pythonApp, string, error) {
	a := &pythonApp{job: j}
	why := a.shownBy()
	if why == "" {
		return nil, "", nil
	}
	var err error
	if a.project, err = readPyproject(j.source); err != nil {
		return nil, "", err
	}
	if a.manager, err = chooseInstaller(j.source, a.project); err != nil {
		return nil, "", err
	}
	if a.packages, err = readPythonPackages(j.source, a.project, a.manager); err != nil {
		return nil, "", err
	}
	if !a.isTheApp() {
		return nil, "", nil
	}
	if a.node, err = readFrontend(j, "build"); err != nil {
		return nil, "", err
	}
	return a, why, nil
}

// shownBy says what makes the source a Python one, or "".
func (a *pythonApp) shownBy() string {
	if name := a.first(append(pythonFiles, "setup.cfg", "uv.lock", "poetry.lock", "pdm.lock")...); name != "" {
		return "there is a " + name + " at the root of the source"
	}
	if name := a.first(append(slices.Clone(requirementPlaces), entryScripts()...)...); name != "" {
		return "there is a " + name
	}
	return ""
}

// isTheApp tells a Python app from tools beside one of another language: configuration of linters in a
// pyproject.toml, or scripts beside a package.json that starts a server.
func (a *pythonApp) isTheApp() bool {
	if a.manager.name == "" && !a.project.has["project"] && a.managePy() == "" && a.first(entryScripts()...) == "" {
		return false
	}
	if !a.isFile("package.json") {
		return true
	}
	return a.managePy() != "" || a.startsPython() || a.webFramework() != ""
}

// pythonCommands start Python programs; one of them in the Procfile tells what the source is.
var pythonCommands = []string{"python", "python3", "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "fastapi",
	"flask", "streamlit", "granian", "uwsgi"}

func (a *pythonApp) startsPython() bool {
	words := append(shellWords(a.options.Run), shellWords(a.procfile.Web())...)
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(pythonCommands, path.Base(w)) })
}

func (a *pythonApp) hasVenv() bool { return a.manager.name != "" }

// environment sets what the build and the app see: the virtual environment in front, output as it is written.
func (a *pythonApp) environment(p *Plan, s pythonServing) {
	paths := ""
	build := map[string]string{"PYTHONDONTWRITEBYTECODE": "1", "SOURCE_DATE_EPOCH": bytecodeEpoch, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
	run := map[string]string{"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
	if a.hasVenv() {
		paths = venvFolder + "/bin:"
		build["VIRTUAL_ENV"], run["VIRTUAL_ENV"] = venvFolder, venvFolder
		build = mergeEnv(build, a.manager.env())
	}
	if s.proxied {
		run["FORWARDED_ALLOW_IPS"] = "*" // only the router reaches the app
		run["WEB_CONCURRENCY"] = "2"
	}
	p.Env = runEnv(paths, mergeEnv(run, s.env))
	p.BuildEnv = buildEnv(a.manager.toolPath()+paths+a.node.paths(), mergeEnv(build, a.node.env()))
}

// copies takes the virtual environment and the source to where they were built: scripts in the environment name it.
func (a *pythonApp) copies(p *Plan) {
	if a.hasVenv() {
		p.Copy = append(p.Copy, Copy{From: venvFolder, To: venvFolder,
			Exclude: []string{"**/site-packages/pip", "**/site-packages/pip-*.dist-info", "bin/pip*"}})
	}
	p.Copy = append(p.Copy, Copy{From: appFolder, To: appFolder,
		Exclude: []string{".git", "**/node_modules", "**/__pycache__", ".venv", "venv"}})
}

// start chooses what is run, unless the user said so.
func (a *pythonApp) start(p *Plan, s pythonServing) {
	p.Start = s.start
	if s.start != "" {
		p.decide("start: "+s.start, s.startWhy, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	p.Warnings = append(p.Warnings, s.warnings...)
	if !a.startGiven() && s.script != "" {
		a.pythonPort(p, s.script)
	}
}

// noPythonStart is the error of a Python source in which nothing was found to start.
func (a *pythonApp) noPythonStart(framework string) error {
	missing := "nothing says how to start it: no " + strings.Join(entryScripts()[:6], ", ") + ", no package with a __main__.py and no script in pyproject.toml"
	if framework != "" {
		missing = "no " + framework + " app was found in its files"
	}
	return &IncompleteError{Language: "Python", Missing: missing,
		Advice: "Three ways on:\n  1. add a Procfile with `web: COMMAND`, for example `web: gunicorn --bind 0.0.0.0:$PORT MODULE:OBJECT`\n" +
			"  2. give --run 'CMD'\n  3. name the file app.py or main.py, and the object app"}
}
