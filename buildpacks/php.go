package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// phpApp is a PHP source: what Composer's files say, the folder that is served, and the assets that Node.js builds.
type phpApp struct {
	job
	composer composerJSON
	lock     composerLock
	root     string // the document root in the source; "" where there is none
	node     *frontend
}

const (
	phpImages     = "docker.io/library/php:"
	composerImage = "docker.io/library/composer:2"
	composerCache = "/root/.cache/composer"
	phpFolder     = "/usr/local/lib/php/extensions"
	phpConfFolder = "/usr/local/etc/php/conf.d"
)

// detectPHP plans a composer.json or an index.php: extensions, dependencies, assets, and Apache with PHP in it.
func detectPHP(j job) (*Plan, error) {
	a, err := readPHPApp(j)
	if a == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "php", User: runUser}
	p.decide("PHP", "there is a "+a.shownBy(), "add a Dockerfile")
	if err := a.chooseVersion(p); err != nil {
		return nil, err
	}
	p.BuildImage = phpImage(p.Version.Resolved)
	p.RunImage = p.BuildImage
	if a.composer.there {
		p.PackageManager = "composer"
	}
	f := a.framework()
	if p.Framework = f.name; f.name != "" {
		p.decide("framework "+f.name, f.why, "")
	}
	if a.root == "" && !a.startGiven() {
		return nil, a.noRoot()
	}
	a.environment(p, f)
	a.steps(p, f)
	a.serve(p, f)
	p.slimmed()
	return p, nil
}

// readPHPApp reads Composer's files; nil where the source is of another language that keeps them for its tools.
func readPHPApp(j job) (*phpApp, error) {
	a := &phpApp{job: j}
	if a.shownBy() == "" {
		return nil, nil
	}
	var err error
	if a.composer, err = readComposer(j.source); err != nil {
		return nil, err
	}
	if a.lock, err = readComposerLock(j.source); err != nil {
		return nil, err
	}
	a.root = a.documentRoot()
	if dir, ok := herokuRoot(j.procfile.Web()); ok {
		a.root = dir
	}
	if a.root == "" && a.first("package.json", "requirements.txt", "pyproject.toml", "Gemfile") != "" && !a.startsPHP() {
		return nil, nil
	}
	for _, script := range []string{"build", "production", "prod"} {
		if a.node, err = readFrontend(j, script); a.node != nil || err != nil {
			break
		}
	}
	return a, err
}

// documentRoots are the folders that are served, where one of them has an index.php, best first.
var documentRoots = []string{"public", "web", "webroot", "public_html", "www", "htdocs", "docroot", "pub", "httpdocs", "html", "."}

// documentRoot is the folder that is served: the one that composer.json names, or the first that has an index.php.
func (a *phpApp) documentRoot() string {
	if dir, _ := a.composer.publicFolder(); dir != "" {
		return dir
	}
	for _, dir := range documentRoots {
		if a.isFile(path.Join(dir, "index.php")) {
			return dir
		}
	}
	return ""
}

// shownBy is the file that makes the source a PHP one, or "".
func (a *phpApp) shownBy() string {
	candidates := []string{"composer.json", "artisan", "index.php", "wp-config.php"}
	for _, dir := range documentRoots {
		candidates = append(candidates, path.Join(dir, "index.php"))
	}
	return a.first(candidates...)
}

func (a *phpApp) startsPHP() bool {
	words := append(shellWords(a.options.Run), shellWords(a.procfile.Web())...)
	return slices.ContainsFunc(words, func(w string) bool { return w == "php" || strings.HasPrefix(path.Base(w), "heroku-php-") })
}

// herokuRoot is the folder that a web line of Heroku's own servers serves, which are not to be had elsewhere
// (https://devcenter.heroku.com/articles/custom-php-settings); false for every other command.
func herokuRoot(web string) (dir string, ok bool) {
	words := strings.Fields(web)
	if len(words) == 0 || !strings.HasPrefix(path.Base(words[0]), "heroku-php-") {
		return "", false
	}
	dir = "."
	for i := 1; i < len(words); i++ {
		switch {
		case len(words[i]) == 2 && words[i][0] == '-' && words[i] != "-h":
			i++ // a file of settings
		case words[i][0] != '-':
			dir = safeFolder(words[i], ".")
		}
	}
	return dir, true
}

// environment sets what the build and the app see.
func (a *phpApp) environment(p *Plan, f phpFramework) {
	p.BuildEnv = buildEnv(a.node.paths(), mergeEnv(map[string]string{"COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_NO_INTERACTION": "1",
		"COMPOSER_CACHE_DIR": composerCache}, f.env, a.node.env()))
	p.Env = runEnv("", mergeEnv(map[string]string{"WEB_CONCURRENCY": "16"}, f.env))
}

// steps are those of the build: extensions, dependencies, assets.
func (a *phpApp) steps(p *Plan, f phpFramework) {
	a.extensions(p, f)
	if a.composer.there {
		p.Tools = append(p.Tools, Copy{Image: composerImage, From: "/usr/bin/composer", To: "/usr/local/bin/composer"})
	}
	a.node.tools(p)
	a.dependencyStep(p)
	a.node.installStep(p)
	if a.composer.there {
		p.Steps = append(p.Steps, Step{Name: "install the project", Command: a.composer.install() + " --optimize-autoloader", Caches: []string{composerCache}})
	}
	if build := a.options.Build; build != "" {
		p.Steps = append(p.Steps, Step{Name: "build", Command: build, Caches: a.node.caches()})
		p.decide("build: "+build, "--build was given", "")
		return
	}
	a.node.buildStep(p)
	p.Steps = append(p.Steps, f.steps...)
}

// dependencyStep downloads the packages with nothing of the source but manifests; the project's scripts run later.
func (a *phpApp) dependencyStep(p *Plan) {
	if !a.composer.there {
		return
	}
	if !a.lock.there {
		p.warn("there is no composer.lock: every build may install other versions; commit the one that `composer update` writes")
	}
	if a.composer.local() {
		p.decide("the whole source is there when dependencies are installed", "composer.json takes packages from folders of it", "")
		return
	}
	p.Steps = append(p.Steps, Step{Name: "install dependencies", Command: a.composer.install() + " --no-scripts --no-autoloader",
		Inputs: a.present("composer.json", "composer.lock", "symfony.lock", "auth.json"), Caches: []string{composerCache}})
}

// serve makes Apache the server. PHP runs in it: one program to start and to stop, and .htaccess files count, as most
// of what is written in PHP expects.
func (a *phpApp) serve(p *Plan, f phpFramework) {
	p.Copy = []Copy{{From: phpFolder, To: phpFolder}, {From: phpConfFolder, To: phpConfFolder},
		{From: appFolder, To: appFolder, Exclude: []string{".git", "**/node_modules", ".env.example"}}}
	p.Files = map[string]string{phpConfig: phpINI}
	if a.root == "" {
		return
	}
	p.Files[apacheConfig] = apacheFor(a.root, f.fallback)
	p.Start = apacheStart
	if f.prepare != "" {
		p.Start = f.prepare + " && " + p.Start
	}
	p.decide("served by Apache, with PHP in it", "the official image brings both, and .htaccess files count", "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	p.decide("document root "+folderName(a.root), a.rootWhy(), "set extra.public-dir in composer.json")
	if f.prepare != "" {
		p.decide("at each start: "+f.prepare, f.prepareWhy, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	p.Warnings = append(p.Warnings, f.warnings...)
}

func (a *phpApp) rootWhy() string {
	if _, ok := herokuRoot(a.procfile.Web()); ok {
		return "web in the Procfile names it"
	}
	if dir, where := a.composer.publicFolder(); dir != "" {
		return where
	}
	return path.Join(a.root, "index.php") + " is there"
}

func (a *phpApp) noRoot() error {
	return &IncompleteError{Language: "PHP", Missing: "there is no index.php at the root, in public/, web/ or " + strings.Join(documentRoots[2:len(documentRoots)-1], "/, ") + "/",
		Advice: "Three ways on:\n  1. name the folder that is served: extra.public-dir in composer.json\n" +
			"  2. add a Procfile with `web: COMMAND`\n  3. give --run 'CMD'"}
}
