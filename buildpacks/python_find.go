package buildpacks

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// pythonObject is an app that a server can load: an object of a module, or a function that makes one.
type pythonObject struct {
	file    string // in the source
	dir     string // the folder that its module is imported from
	module  string // "pkg.main"
	name    string
	factory bool
}

// spec is the object as servers name it.
func (o pythonObject) spec() string {
	if o.factory {
		return o.module + ":" + o.name + "()"
	}
	return o.module + ":" + o.name
}

var (
	pythonFactory    = regexp.MustCompile(`(?m)^def (create_app|make_app|build_app|get_app|create_application|app_factory)\(`)
	pythonMade       = regexp.MustCompile(`(?m)^(\w+)\s*(?::\s*[\w.\[\]]+)?\s*=\s*(?:\w+\.)*(?:create_app|make_app|build_app|get_app|create_application|app_factory)\(`)
	pythonObjectName = regexp.MustCompile(`^[A-Za-z_][\w.]*:[A-Za-z_]\w*$`)
	flaskApp         = regexp.MustCompile(`(?m)^\s*FLASK_APP\s*=\s*["']?([\w./]+?)(?:\.py)?(?::(\w+))?["']?\s*$`)
)

// notPythonApp are folders that hold no app, though maybe files that look like one.
var notPythonApp = []string{"tests", "test", "migrations", "docs", "examples", "scripts", "venv", ".venv", "env", "site-packages", "alembic", "benchmarks"}

// objectFiles are the names of files that hold an app, best first.
var objectFiles = []string{"wsgi", "asgi", "app", "main", "application", "server", "api", "run", "web", "index", "__init__"}

const (
	pythonDepth    = 4
	maxPythonFiles = 2000
)

// findObject looks through the source for an app of a framework: the one that is nearest to the root in a file of a
// usual name. Several of unusual names are an *AmbiguousError.
func (a *pythonApp) findObject(f pythonFramework) (pythonObject, bool, error) {
	made := regexp.MustCompile(`(?m)^(\w+)\s*(?::\s*[\w.\[\]]+)?\s*=\s*(?:await )?(?:\w+\.)*(?:` + strings.Join(f.classes, "|") + `)\(`)
	var found []pythonObject
	a.walk(".", isPythonFolder, func(name string) bool {
		if path.Ext(name) == ".py" && !strings.HasPrefix(path.Base(name), "test_") && path.Base(name) != "conftest.py" {
			if o, ok := a.objectIn(name, made); ok {
				found = append(found, o)
			}
		}
		return len(found) < maxPythonFiles
	})
	if o, ok := a.flaskEnv(found); ok {
		return o, true, nil
	}
	if len(found) == 0 {
		return pythonObject{}, false, nil
	}
	slices.SortStableFunc(found, func(x, y pythonObject) int { return x.rank() - y.rank() })
	return a.chooseObject(found)
}

func isPythonFolder(dir string) bool {
	base := path.Base(dir)
	return depth(dir) < pythonDepth && !strings.HasPrefix(base, ".") && !slices.Contains(notPythonApp, base)
}

// objectIn finds the app in one file: an object of the framework, one that a factory made, or a factory.
func (a *pythonApp) objectIn(file string, made *regexp.Regexp) (pythonObject, bool) {
	text := a.text(file)
	o := pythonObject{file: file}
	if m := pythonMade.FindStringSubmatch(text); m != nil {
		o.name = m[1]
	} else if m := made.FindStringSubmatch(text); m != nil {
		o.name = m[1]
	} else if name := madeHere(text, made); name != "" {
		o.name = name
	} else if m := pythonFactory.FindStringSubmatch(text); m != nil {
		o.name, o.factory = m[1], true
	} else {
		return o, false
	}
	o.dir, o.module = a.moduleOf(file, text)
	return o, true
}

var (
	pythonCalled = regexp.MustCompile(`(?m)^(app|application|api|server|asgi|wsgi)\s*(?::\s*[\w.\[\]]+)?\s*=\s*(\w+)\(`)
	pythonIndent = regexp.MustCompile(`(?m)^[ \t]+`)
)

// madeHere is the name of an app that a function of the same file makes, or "": app = get_application().
func madeHere(text string, made *regexp.Regexp) string {
	for _, m := range pythonCalled.FindAllStringSubmatch(text, -1) {
		_, body, found := strings.Cut(text, "\ndef "+m[2]+"(")
		if !found {
			continue
		}
		if end := pythonTopLevel.FindStringIndex(body); end != nil {
			body = body[:end[0]]
		}
		if made.MatchString(pythonIndent.ReplaceAllString(body, "")) {
			return m[1]
		}
	}
	return ""
}

// pythonTopLevel finds the first line behind a function's body.
var pythonTopLevel = regexp.MustCompile(`(?m)^[\w@]`)

// moduleOf is the name that a file is imported by, and the folder that it is imported from: the nearest above that is
// no package. A file without one is in a package all the same where it imports by that name.
func (a *pythonApp) moduleOf(file, text string) (dir, module string) {
	dir = path.Dir(file)
	module = strings.TrimSuffix(path.Base(file), ".py")
	parts := []string{module}
	if module == "__init__" {
		parts = nil
	}
	for dir != "." && a.inPackage(dir, text) {
		parts = append([]string{path.Base(dir)}, parts...)
		dir = path.Dir(dir)
	}
	if path.Base(dir) == "src" && a.project.isPackage() && len(parts) > 1 {
		dir = path.Dir(dir) // it is installed
	} else if path.Base(dir) == "src" && a.project.isPackage() && len(parts) == 1 && module == "__init__" {
		dir = path.Dir(dir)
	}
	return dir, strings.Join(parts, ".")
}

func (a *pythonApp) inPackage(dir, text string) bool {
	base := path.Base(dir)
	return a.isFile(path.Join(dir, "__init__.py")) || strings.Contains(text, "from .") ||
		strings.Contains(text, "from "+base+".") || strings.Contains(text, "from "+base+" import") || strings.Contains(text, "import "+base+".")
}

// rank orders objects: near the root first, then by the name of the file.
func (o pythonObject) rank() int {
	at := slices.Index(objectFiles, strings.TrimSuffix(path.Base(o.file), ".py"))
	if at < 0 {
		at = len(objectFiles)
	}
	rank := depth(o.file)*100 + at*2
	if o.factory {
		rank++
	}
	return rank
}

// usual tells a file of one of the usual names.
func (o pythonObject) usual() bool {
	return slices.Contains(objectFiles, strings.TrimSuffix(path.Base(o.file), ".py"))
}

// flaskEnv is the app that FLASK_APP in .flaskenv names.
func (a *pythonApp) flaskEnv(found []pythonObject) (pythonObject, bool) {
	m := flaskApp.FindStringSubmatch(a.text(".flaskenv"))
	if m == nil {
		return pythonObject{}, false
	}
	module := strings.ReplaceAll(m[1], "/", ".")
	at := slices.IndexFunc(found, func(o pythonObject) bool { return o.module == module })
	if at < 0 {
		return pythonObject{}, false
	}
	if m[2] != "" {
		found[at].name = m[2]
	}
	return found[at], true
}

// chooseObject takes the first; where that is one of several in files of unusual names, the service's name decides.
func (a *pythonApp) chooseObject(found []pythonObject) (pythonObject, bool, error) {
	first := found[0]
	var rivals []string
	for _, o := range found {
		if depth(o.file) == depth(first.file) && !o.usual() {
			rivals = append(rivals, o.file)
			if a.options.Service != "" && strings.TrimSuffix(path.Base(o.file), ".py") == a.options.Service {
				return o, true, nil
			}
		}
	}
	if first.usual() || len(rivals) < 2 || a.startGiven() {
		return first, true, nil
	}
	return first, false, &AmbiguousError{What: "files with an app", Candidates: rivals, Choose: []string{
		"name the service like the file",
		"add a Procfile with `web: COMMAND`",
		"give --run 'CMD'"}}
}
