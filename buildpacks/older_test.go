package buildpacks

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestNoNewerLanguageIsTakenThanTheFrameworkOrTheLockfileKnows where nothing pins one: Django of a release that the newest
// Python broke, an old Rails, and a lockfile of packages that were compiled in their time.
func TestNoNewerLanguageIsTakenThanTheFrameworkOrTheLockfileKnows(t *testing.T) {
	newest := offeredPython[0]
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"django pinned":           {[]string{"requirements.txt", "Django==4.2.11\ngunicorn\n"}, "3.12"},
		"django within a release": {[]string{"requirements.txt", "django~=5.0.2\n"}, "3.12"},
		"django of a major":       {[]string{"requirements.txt", "django~=5.0\n"}, newest},
		"django below":            {[]string{"requirements.txt", "Django>=3.2,<3.3\n"}, "3.10"},
		"django below a new one":  {[]string{"requirements.txt", "django>=5,<6\n"}, newest},
		"django older than all":   {[]string{"requirements.txt", "Django==2.2\n"}, "3.9"},
		"another package":         {[]string{"requirements.txt", "django-cors-headers==4.2.0\ndjango\n"}, newest},
		"django locked": {[]string{"pyproject.toml", "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"django>=4\"]\n",
			"uv.lock", "[[package]]\nname = \"django\"\nversion = \"5.1.3\"\n"}, "3.13"},
		"pinned all the same": {[]string{"requirements.txt", "Django==4.2.11\n", ".python-version", "3.13\n"}, "3.13"},
		"compiled then": {[]string{"pyproject.toml", "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\npython = \"^3.7\"\nasyncpg = \"^0.24\"\n",
			"poetry.lock", "[[package]]\nname = \"asyncpg\"\n\n[metadata.files]\nasyncpg = [\n    {file = \"asyncpg-0.24.0-cp36-cp36m-manylinux_2_17_x86_64.whl\", hash = \"x\"},\n    {file = \"asyncpg-0.24.0-cp310-cp310-manylinux_2_17_x86_64.whl\", hash = \"x\"},\n]\n"}, "3.10"},
		"compiled for any":  {[]string{"pyproject.toml", "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\npython = \"^3.8\"\n", "poetry.lock", "file = \"cryptography-42.0.0-cp37-abi3-manylinux_2_28_x86_64.whl\"\n"}, newest},
		"only a stop-gap":   {[]string{"pyproject.toml", "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\npython = \"^3.8\"\n", "poetry.lock", "file = \"backports.zoneinfo-0.2.1-cp38-cp38-manylinux1_x86_64.whl\"\n"}, newest},
		"rails of its time": {[]string{"Gemfile", "gem \"rails\"\ngem \"puma\"\n", "Gemfile.lock", "GEM\n  specs:\n    rails (7.1.3)\n", "config.ru", "run Rails.application\n"}, "3.4"},
		"rails today":       {[]string{"Gemfile", "gem \"rails\"\ngem \"puma\"\n", "Gemfile.lock", "GEM\n  specs:\n    rails (8.1.0)\n", "config.ru", "run Rails.application\n"}, "4.0"},
		"rails long ago":    {[]string{"Gemfile", "gem \"rails\"\ngem \"puma\"\n", "Gemfile.lock", "GEM\n  specs:\n    rails (5.1.4)\n", "config.ru", "run Rails.application\n"}, "3.1"},
	} {
		files := tree(c.files...)
		if files["Gemfile"] == nil {
			files["app.py"] = &fstest.MapFile{Data: []byte("print(1)\n")}
		}
		p, err := Detect(files, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Version.Resolved != c.want {
			t.Errorf("%s: %s was taken instead of %s", name, p.Version.Resolved, c.want)
		}
	}
}

// TestAppsAreFoundAsOldRepositoriesHoldThem: what plans of public repositories were found wrong in.
func TestAppsAreFoundAsOldRepositoriesHoldThem(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		right func(p Plan) bool
	}{
		"an app that a function of its file makes": {tree("requirements.txt", "fastapi==0.68\nuvicorn\n", "app/__init__.py", "",
			"app/main.py", "from fastapi import FastAPI\n\ndef get_application() -> FastAPI:\n    application = FastAPI()\n    return application\n\n\napp = get_application()\n"),
			func(p Plan) bool { return p.Start == "uvicorn --host 0.0.0.0 --port ${PORT:-8080} app.main:app" }},
		"a function that makes another thing": {tree("requirements.txt", "fastapi==0.68\nuvicorn\n", "main.py",
			"from fastapi import FastAPI\n\ndef settings():\n    return 1\n\nserver = settings()\nbackend = FastAPI()\n"),
			func(p Plan) bool { return p.Start == "uvicorn --host 0.0.0.0 --port ${PORT:-8080} main:backend" }},
		"Nest without its command line": {tree("package.json", `{"scripts":{"start":"ts-node -r tsconfig-paths/register src/main.ts","prestart:prod":"rm -rf dist && tsc","start:prod":"node dist/main.js"},
			"dependencies":{"@nestjs/core":"^5.4.0","typescript":"^3.0.1"},"devDependencies":{"ts-node":"^7.0.1"}}`, "src/main.ts", ""),
			func(p Plan) bool {
				return p.Start == "node dist/main.js" && strings.Contains(p.Steps[len(p.Steps)-1].Command+p.Steps[1].Command, "rm -rf dist && tsc")
			}},
		"sources run by a compiler that is a dependency": {tree("package.json", `{"scripts":{"start":"tsx src/main.ts","serve":"node old.js"},"dependencies":{"tsx":"^4"}}`, "src/main.ts", ""),
			func(p Plan) bool { return p.Start == "tsx src/main.ts" }},
		"webpack 4": {tree("package.json", `{"scripts":{"build":"next build","start":"next start"},"dependencies":{"next":"^10.0.9-canary.5","react":"^17"}}`),
			func(p Plan) bool { return p.BuildEnv["NODE_OPTIONS"] == "--openssl-legacy-provider" }},
		"webpack 5": {tree("package.json", `{"scripts":{"build":"next build","start":"next start"},"dependencies":{"next":"^15.0.0","react":"^19"}}`),
			func(p Plan) bool { return p.BuildEnv["NODE_OPTIONS"] == "" }},
		"webpack 4 of assets": {tree("composer.json", `{"require":{"php":"^8.1","laravel/framework":"^10.0"}}`, "artisan", "", "public/index.php", "<?php",
			"package.json", `{"scripts":{"production":"mix --production"},"devDependencies":{"laravel-mix":"^5.0"}}`, "config/app.php", "<?php"),
			func(p Plan) bool { return p.BuildEnv["NODE_OPTIONS"] == "--openssl-legacy-provider" }},
		"assets of Phoenix 1.5": {tree("mix.exs", "app: :chat, elixir: \"~> 1.10\",\n{:phoenix, \"~> 1.5.5\"},\n", "assets/package.json", `{"scripts":{"deploy":"webpack --mode production"},"devDependencies":{"webpack":"4.41.5"}}`),
			func(p Plan) bool {
				return p.BuildEnv["NODE_OPTIONS"] != "" && strings.Contains(p.Steps[len(p.Steps)-1].Command, "mix compile\nnpm --prefix assets run deploy\nmix phx.digest\nmix release")
			}},
		"assets of a later Phoenix": {tree("mix.exs", "app: :chat,\n{:phoenix, \"~> 1.7\"},\n\"assets.deploy\": [\"phx.digest\"]\n", "assets/package.json", `{"scripts":{"deploy":"node build.js"}}`),
			func(p Plan) bool { return !strings.Contains(p.Steps[len(p.Steps)-1].Command, "npm --prefix") }},
		"Play on Java 8": {tree("build.sbt", "lazy val root = (project in file(\".\")).enablePlugins(PlayScala)\n", "project/plugins.sbt", "addSbtPlugin(\"com.typesafe.play\" % \"sbt-plugin\" % \"2.8.0\")\n", "system.properties", "java.runtime.version=1.8\n"),
			func(p Plan) bool {
				return strings.HasPrefix(p.BuildImage, "docker.io/sbtscala/scala-sbt:eclipse-temurin-8u") && strings.Contains(p.RunImage, "temurin:8-")
			}},
		"a crate's feature without a lockfile": {tree("Cargo.toml", "[package]\nname = \"api\"\n[dependencies]\naxum = \"0.6\"\nsqlx = { version = \"0.6\", features = [\"runtime-tokio-native-tls\"] }\n", "src/main.rs", "fn main() {}"),
			func(p Plan) bool { return slices.Contains(p.RunPackages, "libssl3") }},
		"Rails older than all Rubies": {tree("Gemfile", "gem \"rails\"\ngem \"puma\"\n", "Gemfile.lock", "GEM\n  specs:\n    rails (5.1.4)\n    puma (4.0)\n", "config.ru", "run Rails.application\n"),
			func(p Plan) bool {
				return strings.Contains(strings.Join(p.Warnings, "\n"), "Rails 5.1.4 may want a Ruby older")
			}},
		"reqwest that needs no OpenSSL": {tree("Cargo.toml", "[package]\nname = \"api\"\n[dependencies]\naxum = \"0.8\"\nreqwest = { version = \"0.12\", default-features = false }\n", "src/main.rs", "fn main() {}"),
			func(p Plan) bool { return len(p.RunPackages) == 0 }},
	} {
		p, err := Detect(c.files, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !c.right(p) {
			t.Errorf("%s: %s, %v, %v, %v", name, p.Start, p.Steps, p.BuildEnv, p.RunPackages)
		}
	}
}
