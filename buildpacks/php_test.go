package buildpacks

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestPHPVersionsResolveAsComposerReadsThem(t *testing.T) {
	for wanted, want := range map[string]string{
		"8.3": "8.3", "8.3.10": "8.3", "8": "8.5", "php-8.2": "8.2", "*": "8.5", "8.2.*": "8.2",
		"^8.2": "8.5", "~8.2": "8.5", "~8.2.0": "8.2", ">=8.1 <8.4": "8.3", ">=8.1,<8.3": "8.2", "^7.4 || ^8.0": "8.5", "^7.3|^8.0": "8.5", ">=7.2": "8.5",
		"~8.1.0 || ~8.2.0 || ~8.3.0": "8.3", "^8.2@dev": "8.5", "8.1 - 8.3": "8.3",
		"^7.4": "", "5.6": "", ">=9": "", "<8": "", "eight": "", "": "",
	} {
		if got := resolvePHP(offeredPHP, wanted); got != want {
			t.Errorf("%q: got %q, want %q", wanted, got, want)
		}
	}
}

// The servers of Heroku's buildpack are to be had nowhere else; what they serve is served all the same.
func TestTheFolderOfHerokusServersIsServed(t *testing.T) {
	for web, want := range map[string]string{"heroku-php-apache2 web/": "web", "vendor/bin/heroku-php-nginx -C nginx.conf web": "web", "heroku-php-apache2": "the root", "heroku-php-nginx -C nginx.conf": "the root"} {
		p := mustDetect(t, tree("composer.json", "{}", "web/index.php", "<?php", "index.php", "<?php", "Procfile", "web: "+web+"\nworker: php worker.php"), Options{})
		folder := "document root " + want
		if !slices.ContainsFunc(p.Decisions, func(d Decision) bool {
			return strings.HasPrefix(d.What, folder) && d.Why == "web in the Procfile names it"
		}) {
			t.Errorf("%s: decided %+v", web, p.Decisions)
		}
		if !strings.Contains(p.Start, "apache2 -D FOREGROUND") || p.Processes["web"] != p.Start || p.Processes["worker"] != "php worker.php" || strings.Contains(strings.Join(p.Warnings, "\n"), "Procfile") {
			t.Errorf("%s: starts %q, processes %q, warns %q", web, p.Start, p.Processes, p.Warnings)
		}
	}
}

func TestTheDocumentRootIsTheFolderWithTheFrontController(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"the source":       {[]string{"index.php", ""}, "/app"},
		"public":           {[]string{"index.php", "", "public/index.php", ""}, "/app/public"},
		"web":              {[]string{"web/index.php", ""}, "/app/web"},
		"named":            {[]string{"composer.json", `{"extra":{"public-dir":"www/site"}}`, "index.php", ""}, "/app/www/site"},
		"of Drupal":        {[]string{"composer.json", `{"extra":{"drupal-scaffold":{"locations":{"web-root":"web/"}}}}`}, "/app/web"},
		"named outside":    {[]string{"composer.json", `{"extra":{"public-dir":"../.."}}`, "index.php", ""}, "/app"},
		"with an odd type": {[]string{"composer.json", `{"extra":{"public-dir":7},"require":[]}`, "pub/index.php", ""}, "/app/pub"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree(c.files...), Options{})
			if conf := p.Files[apacheConfig]; !strings.Contains(conf, "DocumentRoot "+c.want+"\n") {
				t.Errorf("got %s", conf)
			}
		})
	}
}

func TestPHPExtensionsComeFromTheProjectItsPackagesAndItsFramework(t *testing.T) {
	p := mustDetect(t, tree("public/index.php", "", "composer.json", `{"require":{"laravel/framework":"^12","ext-gd":"*","ext-redis":"*","ext-mbstring":"*"}}`,
		"composer.lock", `{"packages":[{"name":"a/b","require":{"ext-intl":"*","ext-json":"*"}}]}`), Options{})
	at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == "install PHP extensions" })
	if at < 0 {
		t.Fatalf("got %+v", p.Steps)
	}
	for _, want := range []string{"docker-php-ext-configure gd --with-freetype", " bcmath gd intl pcntl pdo_mysql pdo_pgsql\n", "pecl install redis "} {
		if !strings.Contains(p.Steps[at].Command, want) {
			t.Errorf("no %q in %q", want, p.Steps[at].Command)
		}
	}
	if !slices.Contains(p.RunPackages, "libicu72") || !slices.Contains(p.RunPackages, "libpq5") {
		t.Errorf("the run image gets %q", p.RunPackages)
	}
}

func TestOnlyFrameworksAnswerEveryPath(t *testing.T) {
	if p := mustDetect(t, tree("index.php", ""), Options{}); strings.Contains(p.Files[apacheConfig], "FallbackResource") {
		t.Error("a plain site answers paths that are not there")
	}
	p := mustDetect(t, tree("public/index.php", "", "composer.json", `{"require":{"slim/slim":"4.*"}}`), Options{})
	if !strings.Contains(p.Files[apacheConfig], "FallbackResource /index.php") {
		t.Error("the paths of a framework are not answered")
	}
}

func TestAComposerFileThatIsNoJSONIsAnErrorWithItsLine(t *testing.T) {
	_, err := Detect(tree("composer.json", "{\n \"require\": {\n  oops\n }\n}", "index.php", ""), Options{})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 3 {
		t.Errorf("got %v", err)
	}
}

func TestMixedSourcesGetBothToolchainsAndOneImage(t *testing.T) {
	npm := []string{"package.json", `{"engines":{"node":"20"},"scripts":{"build":"vite build"},"devDependencies":{"vite":"6"}}`, "package-lock.json", "{}"}
	for name, c := range map[string]struct {
		files    []string
		language string
		builds   string
	}{
		"Laravel with Vite":  {[]string{"artisan", "", "public/index.php", "", "composer.json", `{"require":{"laravel/framework":"^12"}}`}, "php", "npm run build"},
		"Django with npm":    {[]string{"manage.py", `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a.settings")`, "requirements.txt", "django\n", "a/settings.py", "", "a/wsgi.py", ""}, "python", "npm run build"},
		"Rails with esbuild": {[]string{"config/application.rb", "", "config.ru", "", "Gemfile", "gem \"rails\"\ngem \"puma\"\ngem \"jsbundling-rails\"\ngem \"propshaft\"\n"}, "ruby", "rails assets:precompile"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree(append(c.files, npm...)...), Options{})
			if p.Language != c.language || len(p.Tools) == 0 || p.Tools[len(p.Tools)-1].Image != nodeImage("20") {
				t.Errorf("got %s with the tools %+v", p.Language, p.Tools)
			}
			if !slices.ContainsFunc(p.Steps, func(s Step) bool { return strings.Contains(s.Command, c.builds) }) {
				t.Errorf("no step runs %q: %+v", c.builds, p.Steps)
			}
			if p.RunImage != p.BuildImage || !slices.Contains(p.Copy[len(p.Copy)-1].Exclude, "**/node_modules") {
				t.Errorf("the run image %s gets %+v", p.RunImage, p.Copy)
			}
		})
	}
}

func FuzzResolvePHPVersion(f *testing.F) {
	for _, seed := range []string{"^8.2", "~8.1.0 || ~8.2.0", "7.3|8", "8.1 - 8.3", "php-8"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		if got := resolvePHP(offeredPHP, wanted); got != "" && !offeredSeries(offeredPHP, got) {
			t.Fatalf("%q resolves to %q, which is not offered", wanted, got)
		}
	})
}

func FuzzParseComposer(f *testing.F) {
	f.Add([]byte(`{"require":{"php":"^8","ext-gd":"*"},"extra":[],"repositories":[{"type":"path"}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := parseComposer(content)
		if err == nil && !strings.Contains(string(content), "{") {
			t.Fatalf("%q is taken for an object: %+v", content, c)
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without a text")
		}
	})
}
