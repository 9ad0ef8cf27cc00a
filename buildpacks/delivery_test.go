package buildpacks

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestSettingsOfAFrameworkSayWhatItsBuildLeaves: folders and kinds of output that configurations name.
func TestSettingsOfAFrameworkSayWhatItsBuildLeaves(t *testing.T) {
	angular := `{"projects":{"shop":{"projectType":"application","architect":{"build":{"builder":"@angular/build:application","options":{"ssr":{"entry":"src/server.ts"},"outputMode":"%"}}}}}}`
	for name, c := range map[string]struct {
		source       fstest.MapFS
		start, files string
	}{
		"Angular with a server": {tree("package.json", `{"scripts":{"build":"ng build"},"dependencies":{"@angular/core":"20"}}`,
			"angular.json", strings.Replace(angular, "%", "server", 1)), "node dist/shop/server/server.mjs", ""},
		"Angular that renders while it is built": {tree("package.json", `{"scripts":{"build":"ng build"},"dependencies":{"@angular/core":"20"}}`,
			"angular.json", strings.Replace(angular, "%", "static", 1)), "", "/app/dist/shop/browser"},
		"Astro's server elsewhere": {tree("package.json", `{"scripts":{"build":"astro build"},"dependencies":{"astro":"5","@astrojs/node":"9"}}`,
			"astro.config.mjs", `export default { outDir: "./out", adapter: node() }`), "node ./out/server/entry.mjs", ""},
		"SvelteKit's server elsewhere": {tree("package.json", `{"scripts":{"build":"vite build"},"devDependencies":{"@sveltejs/kit":"2","@sveltejs/adapter-node":"5"}}`,
			"svelte.config.js", `export default { kit: { adapter: adapter({ out: "server" }) } }`), "node server", ""},
		"Eleventy's folder in its configuration": {tree("package.json", `{"scripts":{"start":"npx @11ty/eleventy --serve"},"devDependencies":{"@11ty/eleventy":"3"}}`,
			"eleventy.config.js", `export default c => ({ dir: { output: "site" } })`), "", "/app/site"},
		"Eleventy's folder on its command line": {tree("package.json", `{"scripts":{"build":"eleventy --output=public"},"devDependencies":{"@11ty/eleventy":"3"}}`),
			"", "/app/public"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, c.source, Options{})
			if p.Start != c.start {
				t.Errorf("it is started by %q, want %q", p.Start, c.start)
			}
			if c.files != "" && (p.Site == nil || p.Copy[0].From != c.files) {
				t.Errorf("the site is %+v, copied by %+v; want %s", p.Site, p.Copy, c.files)
			}
		})
	}
}

func TestTheAdapterOfSvelteKitGoesWithItsRelease(t *testing.T) {
	for kit, want := range map[string]string{"^1.30.0": " @sveltejs/adapter-node@1", "2": " @sveltejs/adapter-node@5", "latest": " @sveltejs/adapter-node"} {
		p := mustDetect(t, tree("package.json", `{"scripts":{"build":"vite build"},"devDependencies":{"@sveltejs/adapter-auto":"7","@sveltejs/kit":"`+kit+`"}}`), Options{})
		if got := p.Steps[0]; !strings.HasSuffix(got.Command, want) || got.Inputs == nil || len(got.Inputs) > 0 {
			t.Errorf("SvelteKit %s: the step is %+v, want one that needs nothing of the source and ends in %q", kit, got, want)
		}
	}
}

func TestExtensionsThatPlainPHPUsesAreInstalled(t *testing.T) {
	p := mustDetect(t, tree("index.php", `<?php $db = new PDO("mysql:host=db"); $i = imagecreatetruecolor(1, 1); bcadd("1", "2");`, "lib/a.php", `<?php $r = new \Redis();`), Options{})
	for _, want := range []string{"docker-php-ext-install", "bcmath", "gd", "pdo_mysql", "pecl install redis"} {
		if command := p.Steps[len(p.Steps)-1].Command; !strings.Contains(command, want) {
			t.Errorf("the step lacks %s:\n%s", want, command)
		}
	}
	p = mustDetect(t, tree("index.php", `<?php // abcadd(1) mysqli is not used`), Options{})
	if command := p.Steps[len(p.Steps)-1].Command; strings.Contains(command, "docker-php-ext-install") {
		t.Errorf("extensions are installed that nothing uses:\n%s", command)
	}
}

func TestMavenBuildsWithTheProfileForProduction(t *testing.T) {
	const pom = `<project><artifactId>a</artifactId><parent><groupId>org.springframework.boot</groupId></parent>%</project>`
	plain := func(id string) string { return "<profile><id>" + id + "</id></profile>" }
	byDefault := func(id string) string {
		return "<profile><id>" + id + "</id><activation><activeByDefault>true</activeByDefault></activation></profile>"
	}
	for profiles, want := range map[string]string{
		byDefault("dev") + plain("prod"):                              " -Pprod ",
		plain("staging") + plain("production") + byDefault("dev-all"): " -Pproduction ",
		plain("production"):                                           "", // of what it is, nothing tells
		plain("dev") + plain("prod"):                                  "", // as long as nothing activates dev
		byDefault("local") + plain("prod"):                            "", // local may be all of it
		byDefault("dev") + plain("staging"):                           "",
		byDefault("dev") + byDefault("prod"):                          "", // Maven takes it by itself
	} {
		p := mustDetect(t, tree("pom.xml", strings.Replace(pom, "%", "<profiles>"+profiles+"</profiles>", 1), "src/main/java/A.java", "class A {}"), Options{})
		if command := p.Steps[0].Command; strings.Contains(command, " -P") != (want != "") || !strings.Contains(command, want) {
			t.Errorf("%s: built by %q", profiles, command)
		}
	}
}

// TestOfABunWorkspaceOnlyWhatTheAppNeedsIsInstalled where nothing else can be: packages of the root are for all members,
// and a member that is named without a dependency may need its own.
func TestOfABunWorkspaceOnlyWhatTheAppNeedsIsInstalled(t *testing.T) {
	workspace := func(root, code string, more ...string) Plan {
		return mustDetect(t, tree(append([]string{"bun.lock", "{}", "package.json", `{"workspaces":["apps/*","packages/*"]` + root + `}`,
			"apps/api/package.json", `{"name":"api","scripts":{"start":"bun src/index.ts"},"dependencies":{"hono":"^4","lib":"workspace:*"}}`, "apps/api/src/index.ts", code,
			"packages/lib/package.json", `{"name":"lib"}`, "packages/site/package.json", `{"name":"site"}`}, more...)...), Options{})
	}
	for name, c := range map[string]struct {
		plan Plan
		want bool
	}{
		"a member that nothing needs":        {workspace("", ""), true},
		"packages of the root":               {workspace(`,"dependencies":{"zod":"^3"}`, ""), false},
		"a member whose folder the app uses": {workspace("", `Bun.serve("../../packages/site/dist")`), false},
	} {
		command := c.plan.Steps[0].Command
		if got := strings.HasPrefix(command, "bun install --frozen-lockfile --production --filter api\n"); got != c.want {
			t.Errorf("%s: %s", name, command)
		}
	}
}
