package buildpacks

import (
	"regexp"
	"strings"
)

// listenAll is the address that servers listen at, in the form that gunicorn takes.
const listenAll = "0.0.0.0:${PORT:-8080}"

// wsgiServers serve WSGI apps; the first that a project asks for is taken, else gunicorn is installed.
var wsgiServers = []struct{ name, command string }{
	{"gunicorn", "gunicorn --bind " + listenAll + " --worker-tmp-dir /dev/shm"},
	{"granian", "granian --interface wsgi --host 0.0.0.0 --port ${PORT:-8080}"},
	{"waitress", "waitress-serve --listen=" + listenAll},
	{"uwsgi", "uwsgi --http-socket " + listenAll + " --master --die-on-term --need-app --wsgi"},
}

// asgiServers serve ASGI apps; the first that a project asks for is taken, else uvicorn is installed.
var asgiServers = []struct{ name, command string }{
	{"uvicorn", "uvicorn --host 0.0.0.0 --port ${PORT:-8080}"},
	{"hypercorn", "hypercorn --bind " + listenAll},
	{"granian", "granian --interface asgi --host 0.0.0.0 --port ${PORT:-8080}"},
	{"daphne", "daphne --bind 0.0.0.0 --port ${PORT:-8080} --proxy-headers"},
}

// wsgi serves an object, "module:name", of the folder dir.
func (a *pythonApp) wsgi(dir, object string) pythonServing {
	server := wsgiServers[0]
	s := pythonServing{install: server.name}
	for _, candidate := range wsgiServers {
		if a.packages.has(candidate.name) {
			server, s.install = candidate, ""
			break
		}
	}
	command := server.command
	if factory, ok := strings.CutSuffix(object, "()"); ok && server.name == "waitress" {
		command, object = command+" --call", factory
	}
	s.proxied = server.name == "gunicorn"
	return s.run(dir, command, object)
}

// asgi serves an object, "module:name", of the folder dir.
func (a *pythonApp) asgi(dir, object string) pythonServing {
	server := asgiServers[0]
	s := pythonServing{install: server.name}
	for _, candidate := range asgiServers {
		if a.packages.has(candidate.name) {
			server, s.install = candidate, ""
			break
		}
	}
	if a.packages.firstOf("fastapi", "litestar") != "" && a.packages.firstOf("uvicorn", "hypercorn", "granian") == "" &&
		(a.packages.hasExtra("fastapi", "standard") || a.packages.hasExtra("fastapi", "all") || a.packages.hasExtra("litestar", "standard")) {
		s.install = "" // the extra brings uvicorn
	}
	if server.name == "uvicorn" && a.packages.has("gunicorn") && a.packages.has("uvicorn-worker") {
		s.proxied = true
		return s.run(dir, wsgiServers[0].command+" --worker-class uvicorn_worker.UvicornWorker", object)
	}
	command := server.command
	if factory, ok := strings.CutSuffix(object, "()"); ok && (server.name == "uvicorn" || server.name == "granian") {
		command, object = command+" --factory", factory
	}
	s.proxied = server.name == "uvicorn"
	return s.run(dir, command, object)
}

func (s pythonServing) run(dir, command, object string) pythonServing {
	s.start = command + " " + shellQuoteObject(object)
	if dir != "." {
		s.start = "cd " + shellQuote(dir) + " && exec " + s.start
	} else if strings.Contains(s.start, "(") {
		s.start = "exec " + s.start
	}
	s.startWhy = object + " is the app"
	return s
}

// shellQuoteObject leaves module:name bare and quotes factories.
func shellQuoteObject(object string) string {
	if strings.Contains(object, "(") {
		return "'" + object + "'"
	}
	return object
}

func serveWSGI(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
	o, ok, err := a.findObject(f)
	if err != nil || !ok {
		return pythonServing{}, false, err
	}
	return a.wsgi(o.dir, o.spec()), true, nil
}

func serveASGI(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
	o, ok, err := a.findObject(f)
	if err != nil || !ok {
		return pythonServing{}, false, err
	}
	return a.asgi(o.dir, o.spec()), true, nil
}

// serveFastAPI uses the framework's own command where it is installed (https://fastapi.tiangolo.com/deployment/manually/).
func serveFastAPI(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
	if object := a.project.Tool.FastAPI.Entrypoint; pythonObjectName.MatchString(object) {
		return a.asgi(".", object), true, nil
	}
	o, ok, err := a.findObject(f)
	if err != nil || !ok {
		return pythonServing{}, false, err
	}
	command := a.packages.hasExtra("fastapi", "standard") || a.packages.has("fastapi-cli")
	if !command || o.factory || a.packages.has("gunicorn") {
		return a.asgi(o.dir, o.spec()), true, nil
	}
	s := pythonServing{proxied: true, startWhy: o.file + " holds the app, and the fastapi command is installed"}
	s.start = "fastapi run --port ${PORT:-8080} " + shellQuote(o.file)
	if o.name != "app" {
		s.start += " --app " + o.name
	}
	return s, true, nil
}

func serveSanic(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
	o, ok, err := a.findObject(f)
	if err != nil || !ok {
		return pythonServing{}, false, err
	}
	return pythonServing{}.run(o.dir, "sanic --host 0.0.0.0 --port ${PORT:-8080}", o.spec()), true, nil
}

// serveFalcon tells falcon.App from falcon.asgi.App.
func serveFalcon(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
	o, ok, err := a.findObject(f)
	if err != nil || !ok {
		return pythonServing{}, false, err
	}
	if strings.Contains(a.text(o.file), "falcon.asgi") {
		return a.asgi(o.dir, o.spec()), true, nil
	}
	return a.wsgi(o.dir, o.spec()), true, nil
}

// dashServer finds the Flask app below a Dash app, which is what a WSGI server takes (https://dash.plotly.com/deployment).
var dashServer = regexp.MustCompile(`(?m)^(\w+)\s*=\s*\w+\.server\b`)

func serveDash(a *pythonApp, f pythonFramework) (pythonServing, bool, error) {
	o, ok, err := a.findObject(f)
	if err != nil || !ok {
		return pythonServing{}, false, err
	}
	if m := dashServer.FindStringSubmatch(a.text(o.file)); m != nil {
		o.name = m[1]
	} else if a.oldDash() && !a.startGiven() {
		return pythonServing{}, false, &IncompleteError{Language: "Python", Missing: o.file + " has no WSGI app to load: a Dash older than 3.1 is none",
			Advice: "add `server = " + o.name + ".server` to " + o.file + ", or update dash"}
	}
	return a.wsgi(o.dir, o.spec()), true, nil
}

// dashPinned finds the release of Dash that requirements or a lockfile pin.
var dashPinned = regexp.MustCompile(`(?im)^[\s"']*dash\s*(?:==|~=|<=?)\s*([0-9]+\.[0-9]+)|name = "dash"\s+version = "([0-9]+\.[0-9]+)`)

// oldDash tells a Dash that is pinned before 3.1, with which apps became WSGI apps themselves (https://github.com/plotly/dash/pull/3323).
func (a *pythonApp) oldDash() bool {
	for _, file := range append([]string{"poetry.lock", "uv.lock", "pdm.lock", "pyproject.toml"}, a.manager.requirements...) {
		if m := dashPinned.FindStringSubmatch(a.text(file)); m != nil && newerSeries("3.1", m[1]+m[2]) {
			return true
		}
	}
	return false
}
