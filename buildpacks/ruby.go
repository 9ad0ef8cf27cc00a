package buildpacks

import (
	"slices"
	"strings"
)

// rubyApp is a Ruby source: its Gemfile and lockfile, and the assets that Node.js builds.
type rubyApp struct {
	job
	gemfile gemfile
	lock    gemLock
	node    *frontend
}

const (
	gemFolder = "/usr/local/bundle" // where official images keep gems
	gemCache  = "/root/.bundle/cache"
	// keptLock is the lockfile to which the build has added this platform.
	keptLock = "/opt/Gemfile.lock"
)

// rubyScripts are the files that are looked for where there is neither a framework nor a config.ru.
var rubyScripts = []string{"app.rb", "main.rb", "server.rb", "web.rb", "application.rb", "run.rb"}

// detectRuby plans a Gemfile, a config.ru or a plain script: gems, assets, a server.
func detectRuby(j job) (*Plan, error) {
	a, err := readRubyApp(j)
	if a == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "ruby", User: runUser}
	p.decide("Ruby", "there is a "+a.shownBy()+" at the root of the source", "add a Dockerfile")
	if err := p.chooseVersion(a.options, "Ruby", a.rubyVersion(), offeredRuby, a.rubyLimit(), resolveRuby, "write the version into .ruby-version"); err != nil {
		return nil, err
	}
	if rails := a.lock.versions["rails"]; rails != "" && newerSeries("6.1", rails) {
		p.warn("Rails %s may want a Ruby older than all that are offered: update it", rails)
	}
	p.BuildImage = rubyImage(p.Version.Resolved)
	if a.gemfile.there {
		p.PackageManager = "bundler"
	}
	s, err := a.serving()
	if err != nil {
		return nil, err
	}
	if p.Framework = s.framework; p.Framework != "" {
		p.decide("framework "+s.framework, s.why, "")
	}
	env := mergeEnv(a.bundlerEnv(), s.env)
	p.BuildEnv = buildEnv(a.node.paths()+a.execPaths(), mergeEnv(env, a.node.env(), a.gemCacheEnv()))
	a.steps(p, s)
	if s.site != nil {
		p.serve(*s.site)
		return p, nil
	}
	a.deliver(p, s, env)
	return p, nil
}

// deliver fills in the run image of an app that runs on Ruby.
func (a *rubyApp) deliver(p *Plan, s rubyServing, env map[string]string) {
	p.RunImage = p.BuildImage
	p.Env = runEnv("", mergeEnv(env, s.runEnv))
	p.Start, p.Release = s.start, s.release
	if s.start != "" {
		p.decide("start: "+s.start, s.startWhy, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	if s.release != "" {
		p.decide("release: "+s.release, s.releaseWhy, "add a `release: COMMAND` to a Procfile; `release: true` does nothing")
	}
	p.Warnings = append(p.Warnings, s.warnings...)
	if a.gemfile.there {
		p.Copy = append(p.Copy, Copy{From: gemFolder, To: gemFolder})
	}
	p.Copy = append(p.Copy, Copy{From: appFolder, To: appFolder, Exclude: []string{".git", "**/node_modules", "tmp/cache/assets", "log/*.log", "vendor/cache"}})
	if s.script != "" && !a.startGiven() {
		a.listenHint(p, ".", ".rb")
	}
}

// readRubyApp reads the Gemfile; nil where the source is of another language that keeps a Gemfile for its tools.
func readRubyApp(j job) (*rubyApp, error) {
	a := &rubyApp{job: j}
	if a.shownBy() == "" {
		return nil, nil
	}
	a.gemfile = readGemfile(j.source)
	a.lock = readGemLock(j.text("Gemfile.lock"))
	if !a.isTheApp() {
		return nil, nil
	}
	if a.usesNode() {
		var err error
		if a.node, err = readFrontend(j, a.nodeScripts()...); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *rubyApp) shownBy() string {
	return a.first(append([]string{"Gemfile", "config.ru"}, rubyScripts...)...)
}

// isTheApp tells a Ruby app from a Gemfile for tools: fastlane beside a mobile app, a linter beside a Node.js one.
func (a *rubyApp) isTheApp() bool {
	others := a.first("package.json", "composer.json", "requirements.txt", "manage.py", "go.mod", "mix.exs")
	if others == "" || a.isFile("config.ru") || a.rubySite() != nil {
		return true
	}
	return a.gemfile.gems.firstOf("rails", "railties", "sinatra", "hanami", "roda", "rack", "grape", "cuba", "padrino") != "" || a.startsRuby()
}

func (a *rubyApp) startsRuby() bool {
	words := append(shellWords(a.options.Run), shellWords(a.procfile.Web())...)
	return slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{"bundle", "ruby", "rails", "puma", "rackup", "bin/rails", "unicorn"}, w)
	})
}

// bundlerEnv is the environment of official deployment advice: exactly what is locked, without development.
func (a *rubyApp) bundlerEnv() map[string]string {
	env := map[string]string{"LANG": "C.UTF-8"}
	if !a.gemfile.there {
		return env
	}
	env["BUNDLE_PATH"], env["BUNDLE_WITHOUT"] = gemFolder, "development:test"
	if a.lock.there {
		env["BUNDLE_DEPLOYMENT"] = "1"
	}
	return env
}

// gemCacheEnv keeps gems, and what was compiled of them, between builds.
func (a *rubyApp) gemCacheEnv() map[string]string {
	if !a.gemfile.there {
		return nil
	}
	return map[string]string{"BUNDLE_GLOBAL_GEM_CACHE": "true"}
}

// steps are those of the build: system packages, gems, packages of Node.js, assets.
func (a *rubyApp) steps(p *Plan, s rubyServing) {
	if a.gemfile.there {
		a.systemPackages(p)
	}
	a.node.tools(p)
	if a.node == nil {
		a.scriptRuntime(p)
	}
	if a.gemfile.there {
		p.Steps = append(p.Steps, a.gemStep(p))
	}
	a.node.installStep(p)
	if !a.lock.runsHere() {
		p.Steps = append(p.Steps, Step{Name: "keep the completed lockfile", Command: "cp " + keptLock + " Gemfile.lock"})
	}
	if build := a.options.Build; build != "" {
		p.Steps = append(p.Steps, Step{Name: "build", Command: build, Caches: a.node.caches()})
		p.decide("build: "+build, "--build was given", "")
		return
	}
	if !s.buildsAssets {
		a.node.buildStep(p)
	}
	p.Steps = append(p.Steps, s.steps...)
}

// gemStep installs the gems. It sees the whole source where some of them are part of it.
func (a *rubyApp) gemStep(p *Plan) Step {
	var commands []string
	if !a.lock.there {
		p.warn("there is no Gemfile.lock: every build may install other versions; commit the one that `bundle lock` writes")
	}
	if !a.lock.runsHere() {
		p.warn("Gemfile.lock lists no gems for Linux; the build adds them: run `bundle lock --add-platform x86_64-linux` and commit it")
		commands = append(commands, "BUNDLE_DEPLOYMENT= BUNDLE_FROZEN=false bundle lock --add-platform x86_64-linux", "cp Gemfile.lock "+keptLock)
	}
	commands = append(commands, "bundle install", "rm -rf "+gemFolder+"/ruby/*/cache "+gemFolder+"/ruby/*/bundler/gems/*/.git")
	step := Step{Name: "install gems", Caches: []string{gemCache}}
	if a.gemfile.local == "" {
		step.Inputs = a.present("Gemfile", "Gemfile.lock", ".ruby-version", ".tool-versions", "vendor/cache")
		if a.gemfile.gems.has("bootsnap") {
			commands = append(commands, "bundle exec bootsnap precompile -j 1 --gemfile")
		}
	} else {
		p.decide("the whole source is there when gems are installed", a.gemfile.local+"; so a change of any file installs again", "")
	}
	step.Command = strings.Join(commands, "\n")
	return step
}

// execPaths lets steps call Node.js where gems run scripts of it.
func (a *rubyApp) execPaths() string {
	if a.node == nil && a.runsScripts() != "" {
		return nodeFolder + "/bin:"
	}
	return ""
}

// runsScripts names a gem that needs a JavaScript runtime while assets are compiled, or "".
func (a *rubyApp) runsScripts() string {
	if a.lock.has("mini_racer") {
		return ""
	}
	for _, name := range []string{"uglifier", "terser", "coffee-script", "autoprefixer-rails", "babel-transpiler", "execjs"} {
		if a.gemfile.gems.has(name) || a.lock.has(name) {
			return name
		}
	}
	return ""
}

func (a *rubyApp) scriptRuntime(p *Plan) {
	if gem := a.runsScripts(); gem != "" {
		p.bringNode(defaultNode)
		p.decide("Node.js "+defaultNode+" while building", gem+" runs JavaScript", "add mini_racer to the Gemfile")
	}
}
