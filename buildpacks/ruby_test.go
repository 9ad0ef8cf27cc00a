package buildpacks

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRubyVersionsResolveAsBundlerReadsThem(t *testing.T) {
	for wanted, want := range map[string]string{
		"3.4.1": "3.4.1", "ruby-3.3.4": "3.3.4", "ruby 3.2.2p53": "3.2.2", "3.3": "3.3", "3": "3.4", "4": "4.0", "latest": offeredRuby[0], "= 3.3.1": "3.3.1",
		"~> 3.3.0": "3.3", "~> 3.2": "3.4", "~> 3": "3.4", ">= 3.1": offeredRuby[0], ">= 3.1, < 3.4": "3.3", "< 3.3": "3.2", "!= 4.0.0, >= 3.4": offeredRuby[0],
		"2.7.8": "", "~> 2.7": "", "jruby-9.4.0.0": "", "truffleruby": "", ">= 5": "", "": "",
	} {
		if got := resolveRuby(offeredRuby, wanted); got != want {
			t.Errorf("%q: got %q, want %q", wanted, got, want)
		}
	}
}

func TestGemsOfDevelopmentAreNotOfTheApp(t *testing.T) {
	g := readGemfile(source{tree("Gemfile", `
gem "rails", "~> 8.0" # the framework
# gem "hanami"
gem('puma')
group :development, :test do
  gem "rspec"
  platforms :mri do
    gem "byebug"
  end
end
group :production do
  gem "pg"
end
gem "web-console", group: :development
gem "listen", :groups => [:development, :test]
gem "bootsnap", require: false
if ENV["X"]
  gem "extra"
end
gem "after"
`)})
	for name, want := range map[string]bool{"rails": true, "hanami": false, "puma": true, "rspec": false, "byebug": false, "pg": true,
		"web-console": false, "listen": false, "bootsnap": true, "extra": true, "after": true} {
		if g.gems.has(name) != want {
			t.Errorf("%s: got %v, want %v", name, !want, want)
		}
	}
}

func TestRackIsServedByTheServerOfTheGemfile(t *testing.T) {
	for gems, want := range map[string]string{
		"puma":    "bundle exec puma --port ${PORT:-8080}",
		"unicorn": "bundle exec unicorn --port ${PORT:-8080}",
		"thin":    "bundle exec thin start --address 0.0.0.0 --port ${PORT:-8080}",
	} {
		p := mustDetect(t, tree("Gemfile", "gem \"sinatra\"\ngem \""+gems+"\"\n", "config.ru", "run App"), Options{})
		if p.Start != want || p.Framework != "sinatra" {
			t.Errorf("%s: got %q (%s), want %q", gems, p.Start, p.Framework, want)
		}
	}
	_, err := Detect(tree("Gemfile", "gem \"sinatra\"\n", "config.ru", "run App"), Options{})
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) || !strings.Contains(err.Error(), "bundle add puma") {
		t.Errorf("without a server: got %v", err)
	}
}

func TestRailsPreparesItsDatabaseWhereItLives(t *testing.T) {
	rails := func(gem string, more ...string) Plan {
		return mustDetect(t, tree(append(more, "Gemfile", "gem \"rails\"\ngem \"puma\"\ngem \""+gem+"\"\n", "config.ru", "",
			"config/application.rb", "", "config/database.yml", "production:\n")...), Options{})
	}
	if p := rails("pg"); p.Release != "bundle exec rails db:prepare" || strings.Contains(p.Start, "db:prepare") {
		t.Errorf("PostgreSQL: got release %q and start %q", p.Release, p.Start)
	}
	if p := rails("sqlite3"); p.Release != "" || !strings.HasPrefix(p.Start, "bundle exec rails db:prepare && exec ") {
		t.Errorf("SQLite: got release %q and start %q", p.Release, p.Start)
	}
	if p := rails("pg", "Procfile", "release: true\n"); p.Release != "true" {
		t.Errorf("with a release of the user's: got %q", p.Release)
	}
}

func TestRailsAssetsAreCompiledWithoutSecrets(t *testing.T) {
	for version, want := range map[string]string{"8.0.2": "SECRET_KEY_BASE_DUMMY=1 ", "7.0.8": "SECRET_KEY_BASE=only-while-building "} {
		p := mustDetect(t, tree("Gemfile", "gem \"rails\"\ngem \"puma\"\ngem \"sprockets-rails\"\n", "config/application.rb", "",
			"Gemfile.lock", "GEM\n  specs:\n    rails ("+version+")\n    sprockets-rails (3.5)\n"), Options{})
		at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == "compile assets" })
		if at < 0 || !strings.HasPrefix(p.Steps[at].Command, want) {
			t.Errorf("Rails %s: got %+v", version, p.Steps)
		}
	}
	p := mustDetect(t, tree("Gemfile", "gem \"rails\"\ngem \"puma\"\n", "config/application.rb", "config.api_only = true\n"), Options{})
	if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Name == "compile assets" }) {
		t.Errorf("an API: got %+v", p.Steps)
	}
}

func TestALockfileOfAnotherPlatformIsCompleted(t *testing.T) {
	lock := "GEM\n  specs:\n    rack (3.0)\n\nPLATFORMS\n  arm64-darwin-24\n"
	p := mustDetect(t, tree("Gemfile", "gem \"rack\"\ngem \"puma\"\n", "Gemfile.lock", lock, "config.ru", ""), Options{})
	if len(p.Warnings) == 0 || !slices.ContainsFunc(p.Steps, func(s Step) bool { return strings.Contains(s.Command, "--add-platform x86_64-linux") }) {
		t.Errorf("got %+v and %q", p.Steps, p.Warnings)
	}
}

func TestAGemfileForToolsIsNoRubyApp(t *testing.T) {
	p := mustDetect(t, tree("Gemfile", "gem \"fastlane\"\n", "package.json", `{"scripts":{"start":"node x.js"}}`), Options{})
	if p.Language != "node" {
		t.Errorf("got %s", p.Language)
	}
}

func FuzzResolveRubyVersion(f *testing.F) {
	for _, seed := range []string{"~> 3.3.0", ">= 3.1, < 3.4", "ruby-3.4.1", "ruby 3.2.2p53"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		if got := resolveRuby(offeredRuby, wanted); got != "" && !offeredSeries(offeredRuby, got) {
			t.Fatalf("%q resolves to %q, which is not offered", wanted, got)
		}
	})
}

func FuzzReadGemfile(f *testing.F) {
	f.Add("gem \"rails\"\ngroup :test do\n  gem 'x', path: \"y\"\nend\nruby \"3.4\"\n", "GEM\n  specs:\n    a (1)\n\nPLATFORMS\n  ruby\n")
	f.Fuzz(func(t *testing.T, gemfile, lock string) {
		g := readGemfile(source{tree("Gemfile", gemfile)})
		for name := range g.gems {
			if !strings.Contains(gemfile, name) {
				t.Fatalf("the gem %q is not in the Gemfile", name)
			}
		}
		if l := readGemLock(lock); len(l.versions) > 0 && !l.there {
			t.Fatal("gems of a lockfile that is not there")
		}
	})
}
