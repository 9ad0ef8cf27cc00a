package buildpacks

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestPythonVersionsResolveAsPipPyenvAndPoetryReadThem(t *testing.T) {
	for wanted, want := range map[string]string{
		"3.12": "3.12", "3.12.4": "3.12", "python-3.11.9": "3.11", "cpython-3.13": "3.13", "cpython3.13": "3.13", "3": "3.14", "3.12.x": "3.12", "*": "3.14",
		">=3.9": "3.14", ">=3.9,<3.13": "3.12", "<3.12": "3.11", "==3.11.*": "3.11", "~=3.11": "3.14", "~=3.11.2": "3.11", "!=3.14.*,>=3.10": "3.13",
		"==3.12.4": "3.12.4", "<=3.13": "3.12", ">=3.10, <4.0": "3.14",
		"^3.11": "3.14", "~3.11": "3.11", "^3.10 || ^2.7": "3.14", "^3.9,<3.12": "3.11",
		"2.7": "", "python-2.7.18": "", ">=4": "", "pypy3.10": "", "three": "", "3.8": "", "<3.9": "", "": "",
	} {
		if got := resolvePython(offeredPython, wanted); got != want {
			t.Errorf("%q: got %q, want %q", wanted, got, want)
		}
	}
}

func TestTheLockfileDecidesWhoInstallsPythonPackages(t *testing.T) {
	const poetry = "[tool.poetry.dependencies]\npython = \"^3.11\"\nflask = \"*\"\n"
	for name, c := range map[string]struct {
		files   []string
		manager string
		command string
	}{
		"requirements":         {[]string{"requirements.txt", "flask"}, "pip", "pip install -r requirements.txt"},
		"production first":     {[]string{"requirements/base.txt", "flask", "requirements/production.txt", "-r base.txt"}, "pip", "pip install -r requirements/production.txt"},
		"uv":                   {[]string{"uv.lock", "", "requirements.txt", "flask", "pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"flask\"]\n"}, "uv", "uv sync --locked"},
		"poetry":               {[]string{"poetry.lock", "", "pyproject.toml", poetry}, "poetry", "poetry install --only main --no-root"},
		"poetry without lock":  {[]string{"pyproject.toml", poetry}, "poetry", "poetry install --only main --no-root"},
		"pdm":                  {[]string{"pdm.lock", "", "pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"flask\"]\n"}, "pdm", "pdm sync --prod --no-self"},
		"pipenv":               {[]string{"Pipfile.lock", "{}", "Pipfile", "[packages]\nflask = \"*\"\n"}, "pipenv", "pipenv install --deploy"},
		"pipenv without lock":  {[]string{"Pipfile", "[packages]\nflask = \"*\"\n"}, "pipenv", "pipenv install --skip-lock"},
		"PEP 621":              {[]string{"pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"flask>=3; python_version > '3'\"]\n"}, "pip", `pip install 'flask>=3; python_version > '\''3'\'''`},
		"dynamic dependencies": {[]string{"pyproject.toml", "[project]\nname = \"a\"\ndynamic = [\"dependencies\"]\n[build-system]\nrequires = []\n"}, "pip", "pip install ."},
		"setup.py":             {[]string{"setup.py", "setup(install_requires=['flask'])"}, "pip", "pip install ."},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree(append(c.files, "app.py", "from flask import Flask\napp = Flask(__name__)\n")...), Options{})
			at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == "install dependencies" })
			if p.PackageManager != c.manager || at < 0 || !strings.Contains(p.Steps[at].Command, c.command) {
				t.Errorf("got %s and %+v, want %s with %s", p.PackageManager, p.Steps, c.manager, c.command)
			}
		})
	}
}

func TestPythonAppsAreFoundWhereTheyAre(t *testing.T) {
	const flask = "from flask import Flask\n"
	for name, c := range map[string]struct {
		files []string
		want  string // the end of the start command
	}{
		"an object":                    {[]string{"app.py", flask + "app = Flask(__name__)"}, "app:app"},
		"of another name":              {[]string{"server.py", flask + "api: Flask = Flask(__name__)"}, "server:api"},
		"wsgi.py before app.py":        {[]string{"app.py", flask + "app = Flask(__name__)", "wsgi.py", "from shop import create_app\napplication = create_app()"}, "wsgi:application"},
		"a factory":                    {[]string{"shop/__init__.py", flask + "def create_app():\n  return Flask(__name__)"}, "'shop:create_app()'"},
		"in a package":                 {[]string{"shop/__init__.py", "", "shop/web.py", flask + "app = Flask(__name__)"}, "shop.web:app"},
		"in a folder without one":      {[]string{"backend/app.py", flask + "import models\napp = Flask(__name__)", "backend/models.py", ""}, "cd backend && exec gunicorn --bind 0.0.0.0:${PORT:-8080} --worker-tmp-dir /dev/shm app:app"},
		"in a namespace package":       {[]string{"backend/app.py", flask + "from backend.models import x\napp = Flask(__name__)", "backend/models.py", ""}, "backend.app:app"},
		"by its relative imports":      {[]string{"backend/app.py", flask + "from .models import x\napp = Flask(__name__)", "backend/models.py", ""}, "backend.app:app"},
		"not in tests":                 {[]string{"tests/app.py", flask + "app = Flask(__name__)", "core.py", flask + "app = Flask(__name__)"}, "core:app"},
		"FLASK_APP":                    {[]string{".flaskenv", "FLASK_APP=orders.py\n", "orders.py", flask + "app = Flask(__name__)", "app.py", flask + "app = Flask(__name__)"}, "orders:app"},
		"inside of a function only":    {[]string{"main.py", flask + "def run():\n    app = Flask(__name__)\n"}, "python main.py"},
		"several, one of a usual name": {[]string{"admin.py", flask + "app = Flask(__name__)", "main.py", flask + "app = Flask(__name__)"}, "main:app"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree(append(c.files, "requirements.txt", "Flask\n")...), Options{})
			if !strings.HasSuffix(p.Start, c.want) {
				t.Errorf("got %q, want %q at its end", p.Start, c.want)
			}
		})
	}
}

func TestTheServiceNameChoosesAmongPythonApps(t *testing.T) {
	const flask = "from flask import Flask\napp = Flask(__name__)\n"
	files := tree("requirements.txt", "flask\n", "orders.py", flask, "customers.py", flask)
	if p := mustDetect(t, files, Options{Service: "orders"}); !strings.HasSuffix(p.Start, " orders:app") {
		t.Errorf("got %q", p.Start)
	}
	var ambiguous *AmbiguousError
	if _, err := Detect(files, Options{}); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestPythonServersAreThoseOfTheRequirements(t *testing.T) {
	const flask = "from flask import Flask\napp = Flask(__name__)\n"
	const fastapi = "from fastapi import FastAPI\napp = FastAPI()\n"
	for requirements, want := range map[string]string{
		"flask\ngunicorn":         "gunicorn --bind 0.0.0.0:${PORT:-8080} --worker-tmp-dir /dev/shm app:app",
		"flask\nwaitress":         "waitress-serve --listen=0.0.0.0:${PORT:-8080} app:app",
		"flask":                   "gunicorn --bind 0.0.0.0:${PORT:-8080} --worker-tmp-dir /dev/shm app:app",
		"fastapi":                 "uvicorn --host 0.0.0.0 --port ${PORT:-8080} app:app",
		"fastapi[standard]":       "fastapi run --port ${PORT:-8080} app.py",
		"fastapi[all]\nhypercorn": "hypercorn --bind 0.0.0.0:${PORT:-8080} app:app",
		"fastapi\nuvicorn\ngunicorn\nuvicorn-worker":    "gunicorn --bind 0.0.0.0:${PORT:-8080} --worker-tmp-dir /dev/shm --worker-class uvicorn_worker.UvicornWorker app:app",
		"FastAPI[Standard] >= 0.115 ; python_version>3": "fastapi run --port ${PORT:-8080} app.py",
	} {
		code := flask
		if strings.HasPrefix(strings.ToLower(requirements), "fastapi") {
			code = fastapi
		}
		p := mustDetect(t, tree("requirements.txt", requirements+"\n", "app.py", code), Options{})
		if p.Start != want {
			t.Errorf("%q: got %q, want %q", requirements, p.Start, want)
		}
	}
}

func TestPythonToolsBesideAnotherLanguageAreNoPythonApp(t *testing.T) {
	node := []string{"package.json", `{"scripts":{"start":"node server.js"},"dependencies":{"express":"5"}}`}
	for name, files := range map[string][]string{
		"a linter's configuration": {"pyproject.toml", "[tool.ruff]\nline-length = 100\n"},
		"a script":                 {"requirements.txt", "requests\n", "main.py", "print()"},
	} {
		if p := mustDetect(t, tree(append(files, node...)...), Options{}); p.Language != "node" {
			t.Errorf("%s: got %s", name, p.Language)
		}
	}
	p := mustDetect(t, tree(append(node, "requirements.txt", "flask\n", "app.py", "from flask import Flask\napp = Flask(__name__)\n")...), Options{})
	if p.Language != "python" {
		t.Errorf("with a web framework of Python: got %s", p.Language)
	}
}

func TestAPythonProgramsOwnPortIsThePlans(t *testing.T) {
	for code, want := range map[string]int{
		`HTTPServer(("", 8000), H).serve_forever()`:         8000,
		`app.run(host="0.0.0.0", port=5000)`:                5000,
		`app.run(port=int(os.environ.get("PORT", 5000)))`:   0,
		"PORT = 3000\nserve(port=PORT)":                     0,
		`connect(("db", 5432)); os.environ["PORT"]`:         0,
		`app.listen(8888)`:                                  8888,
		`print("nothing")`:                                  0,
		`uvicorn.run(app, host="127.0.0.1", port=9000)`:     9000,
		`HTTPServer(("0.0.0.0", 99999), H).serve_forever()`: 0,
	} {
		p := mustDetect(t, tree("main.py", code), Options{})
		if p.Port != want {
			t.Errorf("%q: got %d, want %d", code, p.Port, want)
		}
		if loopback := strings.Contains(code, "127.0.0.1"); loopback != (len(p.Warnings) > 0) {
			t.Errorf("%q: got the warnings %q", code, p.Warnings)
		}
	}
}

func TestNativePythonPackagesBringTheirDebianPackages(t *testing.T) {
	for requirements, want := range map[string]struct{ build, run string }{
		"psycopg2":                     {"libpq-dev", "libpq5"},
		"psycopg2-binary":              {"", ""},
		"psycopg[binary]":              {"", ""},
		"psycopg":                      {"", "libpq5"},
		"psycopg[c]":                   {"libpq-dev", "libpq5"},
		"mysqlclient":                  {"default-libmysqlclient-dev", "libmariadb3"},
		"Pillow":                       {"", ""},
		"--no-binary Pillow\nPillow":   {"libjpeg62-turbo-dev", "libjpeg62-turbo"},
		"--no-binary=:all:\nlxml":      {"libxslt1-dev", "libxslt1.1"},
		"CairoSVG":                     {"", "libcairo2"},
		"x @ git+ssh://git@host/x.git": {"git", ""},
	} {
		p := mustDetect(t, tree("requirements.txt", requirements+"\n", "main.py", ""), Options{})
		built := len(p.Steps) > 0 && p.Steps[0].Name == "install system packages" && strings.Contains(p.Steps[0].Command, " "+want.build)
		if want.build != "" && !built || want.build == "" && p.Steps[0].Name == "install system packages" {
			t.Errorf("%q: builds with %+v, want %q", requirements, p.Steps[0], want.build)
		}
		if want.run != "" && !slices.Contains(p.RunPackages, want.run) || want.run == "" && len(p.RunPackages) > 0 {
			t.Errorf("%q: runs with %q, want %q", requirements, p.RunPackages, want.run)
		}
	}
}

func TestSitesThatPythonBuildsAreServedAsFiles(t *testing.T) {
	p := mustDetect(t, tree("requirements.txt", "mkdocs-material\n", "mkdocs.yml", "site_name: x\n", "docs/index.md", "# x"), Options{})
	if p.Framework != "mkdocs" || p.Site == nil || p.RunImage != "" || p.Copy[0].From != "/app/_site" {
		t.Errorf("got %s in %s with %+v", p.Framework, p.RunImage, p.Copy)
	}
}

func TestSettingsForDevelopmentAreWarnedOf(t *testing.T) {
	files := tree("manage.py", `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a.settings.dev")`, "requirements.txt", "django\n",
		"a/settings/dev.py", "", "a/settings/production.py", "", "a/wsgi.py", "")
	p := mustDetect(t, files, Options{})
	if !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "DJANGO_SETTINGS_MODULE=a.settings.production") }) {
		t.Errorf("got %q", p.Warnings)
	}
}

func TestCondaAloneIsRefused(t *testing.T) {
	_, err := Detect(tree("environment.yml", "dependencies: [flask]\n", "app.py", ""), Options{})
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) || !strings.Contains(err.Error(), "environment.yml") {
		t.Errorf("got %v", err)
	}
}

func FuzzResolvePythonVersion(f *testing.F) {
	for _, seed := range []string{">=3.9,<3.13", "^3.11", "~=3.11.2", "python-3.12.4", "3.*", "||", "==3.12.4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		got := resolvePython(offeredPython, wanted)
		if got != "" && !offeredSeries(offeredPython, got) {
			t.Fatalf("%q resolves to %q, which is not offered", wanted, got)
		}
	})
}

// offeredSeries tells whether a version is one of offered, or a release of one.
func offeredSeries(offered []string, version string) bool {
	return slices.ContainsFunc(offered, func(series string) bool { return version == series || strings.HasPrefix(version, series+".") })
}

func FuzzParsePyproject(f *testing.F) {
	f.Add("[project]\nname = \"a\"\ndependencies = [\"flask\"]\n[tool.poetry.dependencies]\npython = \"^3\"\nx = {extras = [\"a\"]}\n")
	f.Fuzz(func(t *testing.T, content string) {
		p, err := parsePyproject(content)
		if err == nil {
			names := pythonPackages{}
			names.addTable(p.Tool.Poetry.Dependencies)
			for name := range names {
				if name != normalName(name) {
					t.Fatalf("%q is not normal", name)
				}
			}
		}
	})
}

func FuzzRequirementLines(f *testing.F) {
	f.Add("flask[async]>=3 # web\n-r base.txt\n\\\n--hash=x\n")
	f.Fuzz(func(t *testing.T, content string) {
		p := pythonPackages{}
		for _, line := range requirementLines(content) {
			if strings.HasPrefix(line, "-") || strings.HasPrefix(line, "#") {
				t.Fatalf("%q is no requirement", line)
			}
			p.add(line)
		}
	})
}

// TestDashIsServedByWhatAServerCanLoad: the Flask app that the source names, else Dash's own, which is one since 3.1.
func TestDashIsServedByWhatAServerCanLoad(t *testing.T) {
	const dash = "from dash import Dash\n\napp = Dash(__name__)\n"
	for requirements, c := range map[string]struct{ code, want string }{
		"dash\ngunicorn\n":         {dash, "app:app"},
		"dash==3.2.0\ngunicorn\n":  {dash, "app:app"},
		"dash==2.17.1\ngunicorn\n": {dash + "server = app.server\n", "app:server"},
		"dash~=2.9\ngunicorn\n":    {dash, ""},
	} {
		files := tree("app.py", c.code, "requirements.txt", requirements)
		p, err := Detect(files, Options{})
		var incomplete *IncompleteError
		if c.want == "" {
			if !errors.As(err, &incomplete) || !strings.Contains(incomplete.Advice, "server = app.server") {
				t.Errorf("%q: %v", requirements, err)
			}
			if _, err := Detect(files, Options{Run: "python app.py"}); err != nil {
				t.Errorf("%q with a start: %v", requirements, err)
			}
		} else if err != nil || !strings.HasSuffix(p.Start, " "+c.want) {
			t.Errorf("%q: %s, %v", requirements, p.Start, err)
		}
	}
}
