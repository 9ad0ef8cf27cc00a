package buildpacks

import (
	"regexp"
	"slices"
	"strings"
)

var (
	apiOnly      = regexp.MustCompile(`(?m)^\s*config\.api_only\s*=\s*true`)
	pumaPort     = regexp.MustCompile(`ENV(?:\.fetch\(|\[)\s*["']PORT["']`)
	oldRails     = regexp.MustCompile(`^(?:[3-6]\.|7\.0)`)
	otherAdapter = regexp.MustCompile(`(?m)^\s*(?:adapter:\s*(postgresql|postgis|mysql2|trilogy|sqlserver)|url:)`)
)

func (a *rubyApp) isRails() bool {
	return a.gemfile.gems.firstOf("rails", "railties") != "" && a.isFile("config/application.rb")
}

// rails follows the Dockerfile that Rails itself writes for a new app: assets are compiled without secrets, code is
// cached for the start, the database is prepared before the new version takes over.
func (a *rubyApp) rails() (rubyServing, error) {
	s := rubyServing{framework: "rails", why: "rails is in the Gemfile", env: map[string]string{"RAILS_ENV": "production", "RACK_ENV": "production",
		"RAILS_LOG_TO_STDOUT": "1", "RAILS_SERVE_STATIC_FILES": "1"}, runEnv: map[string]string{"LD_PRELOAD": "libjemalloc.so.2"}}
	if a.gemfile.gems.has("bootsnap") {
		s.steps = append(s.steps, Step{Name: "cache compiled code", Command: "bundle exec bootsnap precompile -j 1 " + strings.Join(a.present("app", "lib"), " ")})
	}
	a.railsAssets(&s)
	var err error
	if s.start, s.startWhy, err = a.railsServer(); err != nil {
		return s, err
	}
	a.railsDatabase(&s)
	a.railsSecrets(&s)
	return s, nil
}

// railsServer is puma behind thruster where the app has it, as new apps do, else the server of the Gemfile.
func (a *rubyApp) railsServer() (command, why string, err error) {
	if command, why, err = a.rackServer(); err != nil || command == "" {
		return command, why, err
	}
	config := a.text("config/puma.rb")
	if a.gemfile.gems.has("puma") && a.gemfile.gems.has("thruster") && pumaPort.MatchString(config) {
		return "exec env HTTP_PORT=${PORT:-8080} TARGET_PORT=3000 bundle exec thrust puma --config config/puma.rb", "puma and thruster are in the Gemfile", nil
	}
	return command, why, nil
}

// railsAssets compiles what the asset pipeline has. Secrets are stood in for: from 7.1 on by Rails itself.
func (a *rubyApp) railsAssets(s *rubyServing) {
	pipeline := a.railsPipeline()
	if pipeline == "" {
		return
	}
	s.buildsAssets = true
	secret := "SECRET_KEY_BASE_DUMMY=1"
	if oldRails.MatchString(a.lock.versions["rails"]) {
		secret = "SECRET_KEY_BASE=only-while-building"
	}
	s.steps = append(s.steps, Step{Name: "compile assets", Command: secret + " bundle exec rails assets:precompile", Caches: a.assetCaches()})
}

func (a *rubyApp) assetCaches() []string {
	return append(slices.Clone(a.node.caches()), appFolder+"/tmp/cache/assets")
}

// railsPipeline names the gem that compiles assets, or "".
func (a *rubyApp) railsPipeline() string {
	pipelines := []string{"propshaft", "sprockets-rails", "sprockets", "shakapacker", "webpacker", "vite_rails", "vite_ruby"}
	for _, name := range pipelines {
		if a.gemfile.gems.has(name) || a.lock.has(name) && !apiOnly.MatchString(a.text("config/application.rb")) {
			return name
		}
	}
	return ""
}

// railsDatabase prepares a database that outlives the spherelet once, before the rollout; one inside of it at each start.
func (a *rubyApp) railsDatabase(s *rubyServing) {
	config := a.text("config/database.yml")
	if config == "" || a.procfile.releases() {
		return
	}
	server := a.gemfile.gems.firstOf("pg", "mysql2", "trilogy", "activerecord-postgis-adapter", "activerecord-sqlserver-adapter")
	if server != "" || otherAdapter.MatchString(config) {
		s.release, s.releaseWhy = "bundle exec rails db:prepare", "Rails' own Dockerfile prepares the database before it starts the server"
		return
	}
	if a.gemfile.gems.has("sqlite3") && s.start != "" {
		s.start = "bundle exec rails db:prepare && " + choose(strings.HasPrefix(s.start, "exec "), "", "exec ") + s.start
		s.startWhy += "; the database is in the spherelet, and made when it starts"
		s.warnings = append(s.warnings, "SQLite keeps its data inside of the spherelet: it is gone with the next deployment; use PostgreSQL or MySQL for data that is to stay")
	}
}

func (a *rubyApp) railsSecrets(s *rubyServing) {
	switch {
	case a.isFile("config/master.key"):
		s.warnings = append(s.warnings, "config/master.key is committed: whoever reads the source reads the secrets; take it out, and set RAILS_MASTER_KEY as a secret")
	case a.first("config/credentials.yml.enc", "config/credentials/production.yml.enc") != "":
		s.warnings = append(s.warnings, "Rails needs RAILS_MASTER_KEY to read its credentials: set it as a secret of the service")
	default:
		s.warnings = append(s.warnings, "Rails needs SECRET_KEY_BASE: set it as a secret of the service (`bin/rails secret` makes one)")
	}
}

// usesNode tells whether what package.json lists is needed: by a gem that builds with it, or by its own build script.
func (a *rubyApp) usesNode() bool { return a.isFile("package.json") }

// nodeScripts are the scripts of package.json that have to be there for Node.js to be needed; none where a gem calls
// what it needs itself.
func (a *rubyApp) nodeScripts() []string {
	bundling := a.gemfile.gems.firstOf("jsbundling-rails", "cssbundling-rails", "shakapacker", "webpacker", "vite_rails", "vite_ruby",
		"hanami-assets", "bridgetown", "react_on_rails")
	if bundling != "" {
		return nil
	}
	return []string{"build"}
}
