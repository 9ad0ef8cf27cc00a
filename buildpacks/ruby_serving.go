package buildpacks

import (
	"path"
	"regexp"
	"strings"
)

// rubyServing is how a Ruby app is served.
type rubyServing struct {
	framework    string
	why          string
	start        string
	startWhy     string
	release      string
	releaseWhy   string
	script       string // the file that is run as it is
	site         *site  // what was built is served as files instead
	steps        []Step
	buildsAssets bool              // a step of these builds what package.json builds
	env          map[string]string // of the build and of the run image
	runEnv       map[string]string // of the run image alone
	warnings     []string
}

// rackFrameworks are named by their gem where a config.ru starts them.
var rackFrameworks = []string{"hanami", "sinatra", "roda", "grape", "padrino", "cuba", "camping", "syro", "rack"}

// rackServers serve a config.ru; the first that the Gemfile has is taken.
var rackServers = []struct{ gem, config, command string }{
	{"puma", "config/puma.rb", "bundle exec puma --port ${PORT:-8080}"},
	{"falcon", "", "bundle exec falcon serve --bind http://0.0.0.0:${PORT:-8080}"},
	{"unicorn", "config/unicorn.rb", "bundle exec unicorn --port ${PORT:-8080}"},
	{"iodine", "", "bundle exec iodine -b 0.0.0.0 -p ${PORT:-8080}"},
	{"thin", "", "bundle exec thin start --address 0.0.0.0 --port ${PORT:-8080}"},
	{"agoo", "", "bundle exec rackup --server agoo --host 0.0.0.0 --port ${PORT:-8080}"},
	{"webrick", "", "bundle exec rackup --server webrick --host 0.0.0.0 --port ${PORT:-8080}"},
}

// serving finds what the source is: Rails, a site, a Rack app, a script.
func (a *rubyApp) serving() (rubyServing, error) {
	if a.isRails() {
		return a.rails()
	}
	if s := a.rubySite(); s != nil {
		return *s, nil
	}
	if a.isFile("config.ru") {
		return a.rack()
	}
	return a.script()
}

// rack serves config.ru with the server of the Gemfile.
func (a *rubyApp) rack() (rubyServing, error) {
	s := rubyServing{framework: a.gemfile.gems.firstOf(rackFrameworks...), env: map[string]string{"RACK_ENV": "production", "APP_ENV": "production"}}
	if s.framework == "" {
		s.framework = "rack"
	}
	s.why = "there is a config.ru"
	if s.framework != "rack" {
		s.why = s.framework + " is in the Gemfile"
	}
	if s.framework == "hanami" {
		a.hanami(&s)
	}
	var err error
	s.start, s.startWhy, err = a.rackServer()
	return s, err
}

// rackServer is the command of the server that the Gemfile has.
func (a *rubyApp) rackServer() (command, why string, err error) {
	for _, server := range rackServers {
		if !a.gemfile.gems.has(server.gem) {
			continue
		}
		command = server.command
		if server.config != "" && a.isFile(server.config) {
			command += choose(server.gem == "puma", " --config ", " --config-file ") + server.config
		}
		return command, server.gem + " is in the Gemfile", nil
	}
	if a.startGiven() {
		return "", "", nil
	}
	missing := "its Gemfile has no web server"
	if !a.gemfile.there {
		missing = "its config.ru has no Gemfile beside it that names a web server"
	}
	return "", "", &IncompleteError{Language: "Ruby", Missing: missing,
		Advice: "Three ways on:\n  1. run `bundle add puma` and commit Gemfile and Gemfile.lock\n  2. add a Procfile with `web: COMMAND`\n  3. give --run 'CMD'"}
}

// hanami compiles its assets with its own command (https://guides.hanamirb.org/v2.2/assets/overview/).
func (a *rubyApp) hanami(s *rubyServing) {
	s.env["HANAMI_ENV"], s.env["HANAMI_SERVE_ASSETS"] = "production", "true"
	if a.gemfile.gems.has("hanami-assets") && a.node != nil {
		s.buildsAssets = true
		s.steps = append(s.steps, Step{Name: "compile assets", Command: "bundle exec hanami assets compile", Caches: a.node.caches()})
	}
}

var (
	requiresSinatra = regexp.MustCompile(`(?m)^\s*require\s*\(?["']sinatra["']`)
	modularSinatra  = regexp.MustCompile(`(?m)^\s*run!|\bapp_file == \$0|\$PROGRAM_NAME`)
)

// script runs a file: a classic Sinatra app, or one of a usual name.
func (a *rubyApp) script() (rubyServing, error) {
	s := rubyServing{env: map[string]string{"RACK_ENV": "production", "APP_ENV": "production"}}
	if file := a.sinatraFile(); file != "" {
		s.framework, s.why = "sinatra", file+" requires it"
		s.start = a.bundled("ruby " + shellQuote(file) + " -o 0.0.0.0 -p ${PORT:-8080}")
		s.startWhy = file + " is a classic Sinatra app"
		if a.gemfile.gems.firstOf("puma", "thin", "falcon", "webrick") == "" {
			s.warnings = append(s.warnings, "the Gemfile has no web server: run `bundle add puma rackup`")
		}
		return s, nil
	}
	if file := a.first(rubyScripts...); file != "" {
		s.start, s.script = a.bundled("ruby "+file), file
		s.startWhy = file + " is there, and nothing else says what to start"
		return s, nil
	}
	if a.startGiven() {
		return s, nil
	}
	return s, &IncompleteError{Language: "Ruby", Missing: "nothing says how to start it: no config.ru, no Rails app, no " + strings.Join(rubyScripts, ", "),
		Advice: "Three ways on:\n  1. add a config.ru and `bundle add puma`\n  2. add a Procfile with `web: COMMAND`\n  3. give --run 'CMD'"}
}

func (a *rubyApp) bundled(command string) string {
	if a.gemfile.there {
		return "bundle exec " + command
	}
	return command
}

// sinatraFile is the file at the root that starts a Sinatra app when it is run, or "".
func (a *rubyApp) sinatraFile() string {
	candidates := append([]string{}, rubyScripts...)
	for _, name := range a.list(".") {
		if path.Ext(name) == ".rb" {
			candidates = append(candidates, name)
		}
	}
	for _, name := range candidates {
		text := a.text(name)
		if requiresSinatra.MatchString(text) || strings.Contains(text, "sinatra/base") && modularSinatra.MatchString(text) {
			return name
		}
	}
	return ""
}

// rubySites are generators of sites: the gem, how it builds, and where to.
var rubySites = []struct{ gem, command, folder, env string }{
	{"jekyll", "bundle exec jekyll build", "_site", "JEKYLL_ENV"},
	{"github-pages", "bundle exec jekyll build", "_site", "JEKYLL_ENV"},
	{"bridgetown", "bundle exec bridgetown deploy", "output", "BRIDGETOWN_ENV"},
	{"middleman", "bundle exec middleman build", "build", "MIDDLEMAN_ENV"},
	{"middleman-cli", "bundle exec middleman build", "build", "MIDDLEMAN_ENV"},
	{"nanoc", "bundle exec nanoc compile", "output", "NANOC_ENV"},
}

// rubySite is a site that a generator builds and our file server serves; nil where the source is none.
func (a *rubyApp) rubySite() *rubyServing {
	for _, g := range rubySites {
		if !a.gemfile.gems.has(g.gem) || a.startGiven() || a.isFile("config/application.rb") {
			continue
		}
		return &rubyServing{framework: g.gem, why: g.gem + " is in the Gemfile", site: &site{root: appFolder + "/" + g.folder},
			env: map[string]string{g.env: "production"}, buildsAssets: true,
			steps: []Step{{Name: "build the site", Command: g.command}}}
	}
	return nil
}
