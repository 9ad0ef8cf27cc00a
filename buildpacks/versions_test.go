package buildpacks

import (
	"slices"
	"testing"
	"testing/fstest"
)

func TestNodeRangesResolveToTheNewestMajorThatSatisfies(t *testing.T) {
	for wanted, want := range map[string]string{
		"20": "20", "v20.11.0": "20", "20.x": "20", "^20.11.0": "20", "~20.11": "20", "20.11.1": "20", ">=18": "24",
		">=20 <23": "22", ">= 18.0.0 < 21": "20", "18 || 20": "20", "^18 || ^22": "22", "18 - 20": "20", "<=22": "22",
		"*": "24", "x": "24", "lts/*": "22", "lts/iron": "20", "LTS/Jod": "22", "node": "24", "latest": "24",
		">=18 <20.5": "18", "22.0.0 - 22.4.0": "22", "=24": "24",
		"16": "", "16.x": "", ">=26": "", "23": "", "<18": "", "not a version": "", "lts/argon": "",
	} {
		if got := resolveNode(wanted); got != want {
			t.Errorf("%q: got %q, want %q", wanted, got, want)
		}
	}
}

// Each source is asked before those that were added above it.
func TestVersionSourcesAreAskedInOrder(t *testing.T) {
	type added struct{ file, content, version, source string }
	for language, c := range map[string]struct {
		files []string
		run   string
		first string // where nothing asks for a version
		added []added
	}{
		"python": {[]string{"app.py", "", "requirements.txt", "flask\n"}, "python app.py", offeredPython[0], []added{
			{"setup.py", `setup(python_requires=">=3.9,<3.11")`, "3.10", "setup.py python_requires"},
			{"pyproject.toml", "[project]\nname = \"a\"\nrequires-python = \"<3.12\"\n", "3.11", "pyproject.toml requires-python"},
			{"pyproject.toml", "[tool.poetry.dependencies]\npython = \"~3.12\"\nflask = \"*\"\n", "3.12", "pyproject.toml tool.poetry.dependencies.python"},
			{"Pipfile", "[requires]\npython_version = \"3.10\"\n", "3.10", "Pipfile python_version"},
			{"mise.toml", "[tools]\npython = [\"3.13\", \"3.12\"]\n", "3.13", "mise.toml"},
			{".tool-versions", "python 3.9.20 3.8.1\n", "3.9", ".tool-versions"},
			{"runtime.txt", "python-3.11.6\n", "3.11", "runtime.txt"},
			{".python-version", "3.12\n", "3.12", ".python-version"},
		}},
		"ruby": {[]string{"app.rb", "", "Gemfile", "gem \"rake\"\n"}, "ruby app.rb", offeredRuby[0], []added{
			{"Gemfile.lock", "GEM\n  specs:\n    rake (13.0.6)\n\nRUBY VERSION\n   ruby 3.1.2p20\n", "3.1.2", "Gemfile.lock RUBY VERSION"},
			{"mise.toml", "[tools]\nruby = \"3.2\"\n", "3.2", "mise.toml"},
			{".tool-versions", "ruby 3.3.4\n", "3.3.4", ".tool-versions"},
			{".ruby-version", "3.4.1\n", "3.4.1", ".ruby-version"},
			{"Gemfile", "ruby \">= 3.1\", \"< 3.4\"\ngem \"rake\"\n", "3.3", "Gemfile ruby"},
			{"Gemfile", "ruby file: \".ruby-version\"\ngem \"rake\"\n", "3.4.1", ".ruby-version"},
		}},
		"php": {[]string{"index.php", "<?php"}, "", offeredPHP[0], []added{
			{"composer.lock", `{"packages":[{"name":"a/b","require":{"php":"~8.2.0 || ~8.3.0"}}]}`, "8.3", "composer.lock"},
			{"composer.json", `{"require":{"php":">=8.1"}}`, "8.3", "composer.json require.php"}, // 8.5 would do, and the locked package does not take it
			{"composer.json", `{"require":{"php":">=8.1"},"config":{"platform":{"php":"8.1.2"}}}`, "8.1", "composer.json config.platform.php"},
			{"mise.toml", "[tools]\nphp = \"8.2\"\n", "8.2", "mise.toml"},
			{".tool-versions", "php 8.4.1\n", "8.4", ".tool-versions"},
			{".php-version", "8.3\n", "8.3", ".php-version"},
		}},
		"elixir": {[]string{"mix.exs", "def project do\n[app: :a]\nend"}, "", defaultElixir, []added{
			{"mix.exs", "def project do\n[app: :a, elixir: \"~> 1.15.0\"]\nend", "1.15", "mix.exs elixir"},
			{"elixir_buildpack.config", "elixir_version=1.16.2\n", "1.16", "elixir_buildpack.config"},
			{"mise.toml", "[tools]\nelixir = \"1.17\"\n", "1.17", "mise.toml"},
			{".tool-versions", "erlang 27.0\nelixir 1.18.4-otp-27\n", "1.18", ".tool-versions"},
		}},
		"deno": {[]string{"deno.json", "{}", "main.ts", ""}, "", "2", []added{
			{"mise.toml", "[tools]\ndeno = \"2.1.4\"\n", "2.1.4", "mise.toml"},
			{".tool-versions", "deno 2.2.0\n", "2.2.0", ".tool-versions"},
			{".dvmrc", "2.3.1\n", "2.3.1", ".dvmrc"},
			{".deno-version", "2.5.6\n", "2.5.6", ".deno-version"},
		}},
		"rust": {[]string{"Cargo.toml", "[package]\nname = \"a\"\n", "src/main.rs", "fn main() {}"}, "", "1", []added{
			{"Cargo.toml", "[package]\nname = \"a\"\nrust-version = \"1.70\"\n", "1", "Cargo.toml rust-version"},
			{"mise.toml", "[tools]\nrust = \"1.82\"\n", "1.82", "mise.toml"},
			{".tool-versions", "rust 1.83.0\n", "1.83.0", ".tool-versions"},
			{"rust-toolchain", "1.84\n", "1.84", "rust-toolchain"},
			{"rust-toolchain.toml", "[toolchain]\nchannel = \"1.85\"\n", "1.85", "rust-toolchain.toml"},
		}},
	} {
		files := tree(c.files...)
		expect := func(version, from string) {
			t.Helper()
			p := mustDetect(t, files, Options{Run: c.run})
			if p.Version.Resolved != version || p.Version.Source != from {
				t.Errorf("%s: got %+v, want %s from %s", language, p.Version, version, from)
			}
		}
		expect(c.first, "default")
		for _, a := range c.added {
			files[a.file] = tree(a.file, a.content)[a.file]
			expect(a.version, a.source)
		}
	}
}

func TestNodeVersionSourcesAreAskedInOrder(t *testing.T) {
	tree := fstest.MapFS{}
	engines := packageJSON{}
	add := func(name, content string) { tree[name] = &fstest.MapFile{Data: []byte(content)} }
	expect := func(want Version) {
		t.Helper()
		if got := nodeVersion(source{tree}, engines); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	expect(Version{})
	add("mise.toml", "[tools]\nnode = {version = \"18\"}\n")
	expect(Version{Wanted: "18", Source: "mise.toml"})
	add(".tool-versions", "# tools\ngolang 1.22\nnodejs 20.1.0 18.0.0\n")
	expect(Version{Wanted: "20.1.0", Source: ".tool-versions"})
	add(".node-version", "20.2.0\n")
	expect(Version{Wanted: "20.2.0", Source: ".node-version"})
	add(".nvmrc", "\n# lts\nv20.3.0 # here\n")
	expect(Version{Wanted: "v20.3.0", Source: ".nvmrc"})
	engines.Volta = looseStrings{"node": "20.4.0"}
	expect(Version{Wanted: "20.4.0", Source: "package.json volta.node"})
	engines.Engines = looseStrings{"node": ">=20"}
	expect(Version{Wanted: ">=20", Source: "package.json engines.node"})
}

func TestGoVersionsResolveToAnImageThatBuildsThem(t *testing.T) {
	for wanted, want := range map[string][2]string{
		"1.26": {"1.26", "local"}, "1.24.3": {"1.24", "auto"}, "go1.25.1": {"1.25", "auto"}, "1.25rc1": {"1.25", "auto"},
		"1.21": {"1.21", "local"}, "1.20": {newestGo, "local"}, "1.9": {newestGo, "local"}, "1.99": {newestGo, "auto"},
		"go1.23.4-custom": {"1.23", "auto"},
	} {
		got, err := resolveGo(wanted)
		if err != nil || got.minor != want[0] || got.mode != want[1] {
			t.Errorf("%q: got %+v, %v; want %v", wanted, got, err, want)
		}
	}
	for _, wanted := range []string{"", "latest", "v1.20", "1.x", "1.26; rm"} {
		if got, err := resolveGo(wanted); err == nil {
			t.Errorf("%q: got %+v, want an error", wanted, got)
		}
	}
}

func FuzzResolveGoVersion(f *testing.F) {
	for _, seed := range []string{"1.26", "go1.24.3", "1.25rc1", "1.99.1-x", "2", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		got, err := resolveGo(wanted)
		if err == nil && !slices.Contains(offeredGo(), got.minor) {
			t.Fatalf("%q resolves to %q, which is not offered", wanted, got.minor)
		}
	})
}

func FuzzResolveNodeVersion(f *testing.F) {
	for _, seed := range []string{">=20 <23", "lts/*", "18 || 20", "1 - 99", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		if got := resolveNode(wanted); got != "" && !slices.Contains(offeredNode, got) {
			t.Fatalf("%q resolves to %q, which is not offered", wanted, got)
		}
	})
}
