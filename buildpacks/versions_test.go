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
