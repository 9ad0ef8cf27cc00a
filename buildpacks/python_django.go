package buildpacks

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	settingsModule = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']`)
	djangoWSGI     = regexp.MustCompile(`(?m)^\s*WSGI_APPLICATION\s*=\s*["']([\w.]+)\.(\w+)["']`)
	djangoASGI     = regexp.MustCompile(`(?m)^\s*ASGI_APPLICATION\s*=\s*["']([\w.]+)\.(\w+)["']`)
	staticRoot     = regexp.MustCompile(`(?m)^\s*STATIC_ROOT\s*=\s*[^\s#N]`)
	debugOn        = regexp.MustCompile(`(?m)^DEBUG\s*=\s*True\b`)
	noHosts        = regexp.MustCompile(`(?m)^ALLOWED_HOSTS(?:\s*:\s*[\w\[\]]+)?\s*=\s*\[\s*\]`)
	// requiredSetting finds variables that settings cannot do without while static files are collected.
	requiredSetting = regexp.MustCompile(`(?:environ\[|env\(|env\.str\(|config\(|getenv\()\s*["'](\w*SECRET_KEY\w*)["']`)
	databaseSetting = regexp.MustCompile(`env\.db\(\s*\)|env\.db\(\s*["']DATABASE_URL["']\s*\)|environ\[\s*["']DATABASE_URL["']`)
)

// djangoProject is what a plan needs of a Django project.
type djangoProject struct {
	dir      string // of manage.py
	settings string // the module, as the server loads it
	manages  string // the module, as manage.py loads it
	text     string // of the settings
	wsgi     string // "mysite.wsgi:application"
	asgi     string
}

// managePy is the manage.py of a Django project: at the root, or the only one in a folder of it; "" without one.
func (a *pythonApp) managePy() string {
	if a.isFile("manage.py") {
		return "manage.py"
	}
	var found []string
	for _, dir := range a.list(".") {
		name := path.Join(strings.TrimSuffix(dir, "/"), "manage.py")
		if strings.HasSuffix(dir, "/") && isPythonFolder(strings.TrimSuffix(dir, "/")) && a.isFile(name) && settingsModule.MatchString(a.text(name)) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// serveDjango takes the app that the settings name: ASGI where the project is made for it, else WSGI
// (https://docs.djangoproject.com/en/stable/howto/deployment/).
func serveDjango(a *pythonApp, _ pythonFramework) (pythonServing, bool, error) {
	manage := a.managePy()
	if manage == "" {
		return pythonServing{}, false, nil
	}
	d := a.readDjango(manage)
	s := pythonServing{framework: "django"}
	switch {
	case d.asgi != "" && a.packages.firstOf("daphne", "channels", "uvicorn", "hypercorn", "uvicorn-worker") != "" && d.wantsASGI(a):
		s = a.djangoASGI(d)
	case d.wsgi != "":
		s = a.wsgi(d.dir, d.wsgi)
		s.startWhy = strings.TrimSuffix(d.wsgi, ":application") + " is the WSGI application of the project"
	default:
		return s, false, nil
	}
	s.framework = "django"
	a.collectStatic(&s, d)
	d.warn(&s, a.packages)
	if better := a.productionSettings(d); better != "" {
		s.warnings = append(s.warnings, "the app loads "+d.settings+", which is made for development: set DJANGO_SETTINGS_MODULE="+better)
	}
	if !a.procfile.releases() {
		s.warnings = append(s.warnings, "migrations are not run: add `release: python manage.py migrate` to a Procfile to run them before each rollout")
	}
	return s, true, nil
}

func (a *pythonApp) djangoASGI(d djangoProject) pythonServing {
	s := a.asgi(d.dir, d.asgi)
	if a.packages.has("channels") && a.packages.has("daphne") && !a.packages.has("uvicorn") {
		s = pythonServing{}.run(d.dir, "daphne --bind 0.0.0.0 --port ${PORT:-8080} --proxy-headers", d.asgi)
	}
	s.startWhy = strings.TrimSuffix(d.asgi, ":application") + " is the ASGI application of the project"
	return s
}

// wantsASGI tells a project that needs more than WSGI: channels, or a server that speaks only ASGI.
func (d djangoProject) wantsASGI(a *pythonApp) bool {
	return a.packages.has("channels") || a.packages.firstOf("gunicorn", "waitress", "uwsgi") == "" || a.packages.has("uvicorn-worker") ||
		djangoASGI.MatchString(d.text) && !djangoWSGI.MatchString(d.text)
}

func (a *pythonApp) readDjango(manage string) djangoProject {
	d := djangoProject{dir: path.Dir(manage)}
	if m := settingsModule.FindStringSubmatch(a.text(manage)); m != nil {
		d.manages = m[1]
	}
	d.settings = d.manages
	d.text = a.settingsText(d.dir, d.settings)
	d.wsgi = a.djangoObject(d, djangoWSGI, "wsgi")
	d.asgi = a.djangoObject(d, djangoASGI, "asgi")
	module, _, _ := strings.Cut(d.wsgi, ":")
	if m := settingsModule.FindStringSubmatch(a.text(path.Join(d.dir, strings.ReplaceAll(module, ".", "/")+".py"))); m != nil {
		d.settings = m[1]
	}
	return d
}

// settingsText is the text of the settings module; of a package, all of its modules.
func (a *pythonApp) settingsText(dir, module string) string {
	file := path.Join(dir, strings.ReplaceAll(module, ".", "/"))
	if text := a.text(file + ".py"); text != "" && path.Base(path.Dir(file)) != "settings" {
		return text
	}
	folder := file
	if !a.isDir(folder) {
		folder = path.Dir(file)
	}
	var b strings.Builder
	for _, name := range a.list(folder) {
		if path.Ext(name) == ".py" && !strings.Contains(name, "test") && !strings.Contains(name, "local") && !strings.HasPrefix(name, "dev") {
			b.WriteString(a.text(path.Join(folder, name)) + "\n")
		}
	}
	return b.String()
}

// djangoObject is the app that the settings name, or that of the file that every project is made with.
func (a *pythonApp) djangoObject(d djangoProject, setting *regexp.Regexp, file string) string {
	if m := setting.FindStringSubmatch(d.text); m != nil {
		return m[1] + ":" + m[2]
	}
	top, _, _ := strings.Cut(d.manages, ".")
	if top != "" && a.isFile(path.Join(d.dir, top, file+".py")) {
		return top + "." + file + ":application"
	}
	return ""
}

// collectStatic gathers static files where the settings say where to. Secrets that the settings insist on are stood
// in for while that runs.
func (a *pythonApp) collectStatic(s *pythonServing, d djangoProject) {
	if !strings.Contains(d.text, "django.contrib.staticfiles") || !staticRoot.MatchString(d.text) {
		return
	}
	var set []string
	for _, m := range requiredSetting.FindAllStringSubmatch(d.text, -1) {
		set = append(set, m[1]+"=only-while-building")
	}
	if databaseSetting.MatchString(d.text) {
		set = append(set, "DATABASE_URL=sqlite:////tmp/only-while-building")
	}
	if d.settings != d.manages {
		set = append(set, "DJANGO_SETTINGS_MODULE="+d.settings)
	}
	slices.Sort(set)
	command := strings.Join(append(slices.Compact(set), "python manage.py collectstatic --noinput"), " ")
	s.steps = append(s.steps, Step{Name: "collect static files", Command: inDir(d.dir, command)})
}

// productionSettings is the module for production that lies beside one for development, or "".
func (a *pythonApp) productionSettings(d djangoProject) string {
	parent, name, ok := cutLast(d.settings, ".")
	if !ok || !slices.Contains([]string{"dev", "develop", "development", "local"}, name) {
		return ""
	}
	for _, other := range []string{"production", "prod"} {
		if a.isFile(path.Join(d.dir, strings.ReplaceAll(parent, ".", "/"), other+".py")) {
			return parent + "." + other
		}
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+len(sep):], true
}

func (d djangoProject) warn(s *pythonServing, packages pythonPackages) {
	if len(s.steps) > 0 && !strings.Contains(d.text, "whitenoise") && packages.firstOf("django-storages", "servestatic", "dj-static") == "" {
		s.warnings = append(s.warnings, "static files are collected, and nothing serves them: add whitenoise to the requirements and to MIDDLEWARE")
	}
	if len(s.steps) == 0 && strings.Contains(d.text, "django.contrib.staticfiles") && !staticRoot.MatchString(d.text) {
		s.warnings = append(s.warnings, "the settings have no STATIC_ROOT: static files are not collected, and only served while DEBUG is on")
	}
	if debugOn.MatchString(d.text) {
		s.warnings = append(s.warnings, "the settings switch DEBUG on: read it from the environment, and leave it off where it is not set")
	}
	if noHosts.MatchString(d.text) {
		s.warnings = append(s.warnings, "ALLOWED_HOSTS is empty: with DEBUG off, Django refuses every request; add the domains of the service")
	}
}
