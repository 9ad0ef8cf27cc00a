package buildpacks

import (
	"regexp"
	"slices"
	"strings"
)

// pythonServing is how a Python app is served.
type pythonServing struct {
	framework string
	why       string
	start     string
	startWhy  string
	install   string // the server, where the project does not ask for one
	proxied   bool   // a server that takes headers of a proxy, and a number of workers, from the environment
	script    string // the file that is run as it is, and may have a mind of its own about the port
	site      *site  // what was built is served as files instead
	steps     []Step
	env       map[string]string
	warnings  []string
}

// pythonFramework is one framework: the packages that show it, and how it is served; false where no app of it was found.
type pythonFramework struct {
	name    string
	shownBy []string
	serve   func(a *pythonApp, f pythonFramework) (pythonServing, bool, error)
	classes []string // whose objects are apps
}

// pythonFrameworks are tried in order: those built upon others come before them.
func pythonFrameworks() []pythonFramework {
	return []pythonFramework{
		{"django", []string{"django", "wagtail", "django-cms", "mezzanine"}, serveDjango, nil},
		{"chainlit", []string{"chainlit"}, servePage("chainlit run %s --headless --host 0.0.0.0 --port ${PORT:-8080}", "import chainlit", "from chainlit"), nil},
		{"streamlit", []string{"streamlit"}, servePage("streamlit run %s --server.address 0.0.0.0 --server.port ${PORT:-8080} --server.headless true", "import streamlit", "from streamlit"), nil},
		{"fastapi", []string{"fastapi"}, serveFastAPI, []string{"FastAPI"}},
		{"litestar", []string{"litestar"}, serveASGI, []string{"Litestar"}},
		{"sanic", []string{"sanic"}, serveSanic, []string{"Sanic"}},
		{"quart", []string{"quart"}, serveASGI, []string{"Quart"}},
		{"starlette", []string{"starlette"}, serveASGI, []string{"Starlette"}},
		{"blacksheep", []string{"blacksheep"}, serveASGI, []string{"Application"}},
		{"dash", []string{"dash"}, serveDash, []string{"Dash"}},
		{"flask", []string{"flask", "apiflask", "connexion"}, serveWSGI, []string{"Flask", "APIFlask", "FlaskApp"}},
		{"bottle", []string{"bottle"}, serveWSGI, []string{"Bottle", "default_app"}},
		{"falcon", []string{"falcon"}, serveFalcon, []string{"App", "API"}},
		{"pyramid", []string{"pyramid"}, serveWSGI, []string{"make_wsgi_app"}},
		{"gradio", []string{"gradio"}, serveScript(map[string]string{"GRADIO_SERVER_NAME": "0.0.0.0"}, "GRADIO_SERVER_PORT=${PORT:-8080}"), nil},
		{"aiohttp", []string{"aiohttp"}, serveScript(nil, ""), nil},
		{"tornado", []string{"tornado"}, serveScript(nil, ""), nil},
		{"nicegui", []string{"nicegui"}, serveScript(nil, ""), nil},
	}
}

// pythonSites are generators of sites: the package, the file that configures it, how it builds, and where to.
var pythonSites = []struct{ name, config, command, folder string }{
	{"mkdocs", "mkdocs.yml", "mkdocs build --site-dir _site", "_site"},
	{"sphinx", "docs/conf.py", "sphinx-build -b html docs _site", "_site"},
	{"sphinx", "docs/source/conf.py", "sphinx-build -b html docs/source _site", "_site"},
	{"pelican", "pelicanconf.py", "pelican content --output _site", "_site"},
	{"nikola", "conf.py", "nikola build", "output"},
}

// pythonSite is a site that a generator builds and our file server serves; false where the source is none.
func (a *pythonApp) pythonSite() (pythonServing, bool) {
	if a.startGiven() || a.first(entryScripts()...) != "" || a.project.isPackage() {
		return pythonServing{}, false
	}
	for _, g := range pythonSites {
		asked := a.packages.has(g.name) || g.name == "mkdocs" && a.packages.firstOf("mkdocs-material", "mkdocs-techdocs-core") != ""
		if asked && a.isFile(g.config) {
			return pythonServing{framework: g.name, why: "there is a " + g.config, site: &site{root: appFolder + "/" + g.folder},
				steps: []Step{{Name: "build the site", Command: g.command}}}, true
		}
	}
	return pythonServing{}, false
}

// notTheApp are frameworks that are asked for as libraries too: without a file of theirs, the source is a plain program.
var notTheApp = []string{"aiohttp", "tornado", "starlette"}

// webFramework names the first framework that the project asks for, or "".
func (a *pythonApp) webFramework() string {
	for _, f := range pythonFrameworks() {
		if a.packages.firstOf(f.shownBy...) != "" && !slices.Contains(notTheApp, f.name) {
			return f.name
		}
	}
	return ""
}

// serving asks the frameworks that the project needs, then looks for a program.
func (a *pythonApp) serving() (pythonServing, error) {
	if s, ok := a.pythonSite(); ok {
		return s, nil
	}
	missed := ""
	for _, f := range pythonFrameworks() {
		name := a.packages.firstOf(f.shownBy...)
		if name == "" && !(f.name == "django" && a.managePy() != "") {
			continue
		}
		s, found, err := f.serve(a, f)
		if err != nil && !a.startGiven() {
			return s, err
		}
		if found || err == nil && a.startGiven() && s.framework != "" {
			s.framework, s.why = f.name, pythonWhy(name, a.managePy())
			return s, nil
		}
		if missed == "" && !slices.Contains(notTheApp, f.name) {
			missed = f.name
		}
	}
	s := a.program()
	if s.start == "" && !a.startGiven() {
		return s, a.noPythonStart(missed)
	}
	if missed != "" {
		s.framework, s.why = missed, missed+" is required"
	}
	return s, nil
}

func pythonWhy(name, manage string) string {
	if name == "" {
		return "there is a " + manage
	}
	return name + " is required"
}

// consoleScript finds the command that setup.py or setup.cfg installs.
var consoleScript = regexp.MustCompile(`console_scripts["']?\s*[:=]\s*\[?\s*["']?([A-Za-z0-9][\w.-]*)\s*=`)

// entryScripts are the files that are looked for where nothing says what to start.
func entryScripts() []string {
	return []string{"main.py", "app.py", "server.py", "run.py", "wsgi.py", "application.py", "web.py", "api.py", "index.py", "bot.py",
		"streamlit_app.py", "src/main.py", "src/app.py", "app/main.py", "app/app.py"}
}

// program starts a plain program: the project's own command, a file of a usual name, a package with a __main__.py.
func (a *pythonApp) program() pythonServing {
	if script := a.project.script(); script != "" {
		return pythonServing{start: script, startWhy: "it is the only command in pyproject.toml", script: a.first(entryScripts()...)}
	}
	if file := a.first(entryScripts()...); file != "" {
		return pythonServing{start: "python " + file, startWhy: file + " is there, and nothing else says what to start", script: file}
	}
	if m := consoleScript.FindStringSubmatch(a.text("setup.py") + a.text("setup.cfg")); m != nil {
		return pythonServing{start: m[1], startWhy: "it is the command in " + a.first("setup.py", "setup.cfg")}
	}
	for _, dir := range a.list(".") {
		dir = strings.TrimSuffix(dir, "/")
		if a.isFile(dir+"/__main__.py") && plainWord.MatchString(dir) && !slices.Contains(notPythonApp, dir) {
			return pythonServing{start: "python -m " + dir, startWhy: dir + " has a __main__.py", script: dir + "/__main__.py"}
		}
	}
	return pythonServing{}
}

// serveScript runs the program of a framework that brings its own server.
func serveScript(env map[string]string, assign string) func(*pythonApp, pythonFramework) (pythonServing, bool, error) {
	return func(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
		s := a.program()
		if s.start == "" || s.script != "" && !a.imports(s.script, f.name) {
			return s, false, nil
		}
		if s.env = env; assign != "" {
			s.start, s.script = "exec env "+assign+" "+s.start, ""
		}
		return s, true, nil
	}
}

// imports tells whether a file imports a package.
func (a *pythonApp) imports(file, name string) bool {
	text := a.text(file)
	return strings.Contains(text, "import "+name) || strings.Contains(text, "from "+name)
}

// servePage runs a file through the command of its framework; %s in the command stands for it.
func servePage(command string, marks ...string) func(*pythonApp, pythonFramework) (pythonServing, bool, error) {
	return func(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
		file := a.pageFile(f.name, marks)
		if file == "" {
			return pythonServing{}, false, nil
		}
		return pythonServing{start: strings.Replace(command, "%s", shellQuote(file), 1), startWhy: file + " is a page of " + f.name}, true, nil
	}
}

// pageFile is the file of a usual name, or else the only one at the root, that imports a framework of pages.
func (a *pythonApp) pageFile(framework string, marks []string) string {
	candidates := append([]string{framework + "_app.py", "Home.py", "home.py"}, entryScripts()...)
	for _, name := range a.list(".") {
		if strings.HasSuffix(name, ".py") {
			candidates = append(candidates, name)
		}
	}
	for _, file := range candidates {
		text := a.text(file)
		if slices.ContainsFunc(marks, func(m string) bool { return strings.Contains(text, m) }) {
			return file
		}
	}
	return ""
}
