package buildpacks

import (
	"bytes"
	"slices"
	"testing"
	"testing/fstest"
	"time"
)

// fuzzFiles are the names that detection looks for; fuzzing gives them any content.
var fuzzFiles = []string{"package.json", "Procfile", "Staticfile", "go.mod", "go.work", "main.go", "cmd/web/main.go", "index.html",
	".nvmrc", ".tool-versions", "mise.toml", "pnpm-lock.yaml", "yarn.lock", "package-lock.json", "pnpm-workspace.yaml", "angular.json",
	"next.config.js", "vite.config.ts", "svelte.config.js", "apps/a/package.json", "vendor/modules.txt", "Dockerfile", "server.js",
	"pom.xml", "build.gradle.kts", "settings.gradle", "gradle/libs.versions.toml", "src/Main.java", "build.sbt", "project/plugins.sbt", "project.clj", "deps.edn",
	"Cargo.toml", "src/main.rs", "a/App.csproj", "App.sln", "global.json", "mix.exs", "config/runtime.exs", "deno.json", "main.ts", "bun.lock", "app.json",
	"start.sh", "nx.json", "apps/a/project.json", "app/pom.xml", "system.properties", "zerops.yml",
	"requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py", "app.py", "shop/settings.py", "shop/__init__.py", ".python-version", "uv.lock",
	"Gemfile", "Gemfile.lock", "config.ru", "config/application.rb", "config/database.yml", ".ruby-version", "app.rb",
	"composer.json", "composer.lock", "index.php", "public/index.php", "artisan", ".php-version"}

// FuzzDetect splits its input at NULs: the first byte of each part picks a file, the rest is its content. Whatever the
// source, Detect returns a plan that can be built or an error that says something.
func FuzzDetect(f *testing.F) {
	f.Add([]byte("\x00{\"scripts\":{\"start\":\"node x\",\"build\":\"vite build\"},\"engines\":{\"node\":\">=20\"}}\x00\x07<p>"), "", "")
	f.Add([]byte("\x03module x\n\ngo 1.24.3\n\nrequire y.z/a v1.0.0\n\nreplace y.z/a => ../b\x00\x05package main"), "", "web")
	f.Add([]byte("\x00{\"dependencies\":{\"@angular/core\":\"1\"}}\x00\x0f{\"projects\":{\"a\":{\"architect\":{\"build\":{\"options\":{\"outputPath\":{\"base\":\"../x\"}}}}}}}"), "make", "")
	f.Add([]byte("\x02root: x\npushstate: enabled"), "make", "")
	f.Add([]byte("\x00{\"workspaces\":[\"apps/*\",\"**\",\"[\"]}\x00\x13{\"name\":\"a\",\"scripts\":{\"start\":\"npm run start\"}}"), "", "a")
	for _, parts := range [][]string{
		{"manage.py", `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")`, "shop/settings.py", "STATIC_ROOT = 1\ndjango.contrib.staticfiles", "requirements.txt", "django"},
		{"pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"flask\"]\n[build-system]\nrequires = []", "app.py", "app = Flask(__name__)"},
		{"Gemfile", "gem \"rails\"\ngem \"puma\"\ngem \"pg\"", "config/application.rb", "", "Gemfile.lock", "GEM\n  specs:\n    rails (8.0)\n\nPLATFORMS\n  x", "config/database.yml", "x"},
		{"composer.json", `{"require":{"php":"^8","laravel/framework":"^12","ext-gd":"*"},"extra":{"public-dir":"x"}}`, "public/index.php", "", "package.json", `{"scripts":{"build":"vite"}}`},
	} {
		f.Add(fuzzSource(parts), "", "")
	}
	f.Fuzz(func(t *testing.T, content []byte, build, service string) {
		tree := fstest.MapFS{}
		for part := range bytes.SplitSeq(content, []byte{0}) {
			if len(part) > 0 {
				tree[fuzzFiles[int(part[0])%len(fuzzFiles)]] = &fstest.MapFile{Data: part[1:]}
			}
		}
		p, err := detectInTime(t, tree, Options{Build: build, Service: service})
		if err != nil && err.Error() == "" {
			t.Fatal("an error without a text")
		}
		if err == nil {
			if problem := unbuildable(p); problem != "" {
				t.Fatal(problem)
			}
		}
	})
}

// fuzzSource writes files, as name, content, name, content…, the way FuzzDetect reads them.
func fuzzSource(parts []string) []byte {
	var b []byte
	for i := 0; i < len(parts); i += 2 {
		b = append(b, byte(slices.Index(fuzzFiles, parts[i])))
		b = append(append(b, parts[i+1]...), 0)
	}
	return b
}

// detectInTime fails a test whose source keeps Detect busy.
func detectInTime(t *testing.T, tree fstest.MapFS, o Options) (p Plan, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p, err = Detect(tree, o)
	}()
	select {
	case <-done:
		return p, err
	case <-time.After(10 * time.Second):
		t.Fatal("Detect takes longer than 10 seconds")
		return Plan{}, nil
	}
}

// TestDetectSurvivesAnyShapeOfTree puts folders where files are expected and files where folders are.
func TestDetectSurvivesAnyShapeOfTree(t *testing.T) {
	for _, name := range fuzzFiles {
		for _, other := range fuzzFiles {
			tree := fstest.MapFS{name + "/inside": {Data: []byte("x")}}
			if name != other {
				tree[other] = &fstest.MapFile{Data: []byte("x")}
			}
			if _, err := Detect(tree, Options{}); err != nil && err.Error() == "" {
				t.Errorf("%s as a folder, with %s: an error without a text", name, other)
			}
		}
	}
}

func FuzzParsePackageJSON(f *testing.F) {
	f.Add([]byte(`{"name":"a","scripts":{"start":"x"},"workspaces":{"packages":["a"]},"engines":{"node":20}}`))
	f.Add([]byte("\ufeff{\"main\":[],\"scripts\":\"no\",\n\"x\""))
	f.Fuzz(func(t *testing.T, content []byte) {
		pkg, err := parsePackageJSON("package.json", content)
		if err == nil && !bytes.Contains(content, []byte("{")) {
			t.Fatalf("%q is taken for an object: %+v", content, pkg)
		}
	})
}
