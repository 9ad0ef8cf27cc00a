package buildpacks

import (
	"slices"
	"strings"
	"testing"
)

// nextWorkspace is a workspace with a Next.js app in apps/web, whose next.config has settings.
func nextWorkspace(settings string, more ...string) []string {
	return append([]string{
		"package.json", `{"private": true, "workspaces": ["apps/*"]}`,
		"apps/web/package.json", `{"name": "web", "scripts": {"build": "next build", "start": "next start"}, "dependencies": {"next": "15.5.4"}}`,
		"apps/web/next.config.mjs", settings,
	}, more...)
}

func TestTheStandaloneServerOfAWorkspaceIsWhereTheAppIs(t *testing.T) {
	p := mustDetect(t, tree(nextWorkspace(`export default {output: "standalone"}`, "package-lock.json", "{}")...), Options{})
	if p.Start != "cd apps/web && exec node server.js" || len(p.Copy) != 1 || p.Copy[0].From != "/app/apps/web/.next/standalone" || p.Copy[0].To != "/app" {
		t.Errorf("started by %q from %+v", p.Start, p.Copy)
	}
	build := p.Steps[len(p.Steps)-1].Command
	for _, want := range []string{"cp -r /app/apps/web/.next/static /app/apps/web/.next/standalone/apps/web/.next/", "cp -r /app/apps/web/public /app/apps/web/.next/standalone/apps/web/"} {
		if !strings.Contains(build, want) {
			t.Errorf("the build lacks %q:\n%s", want, build)
		}
	}
}

func TestTheStandaloneServerIsUsedOnlyWhereItIsTracedFromTheRoot(t *testing.T) {
	const standalone = "export default {\n  output: 'standalone',\n  "
	npm := []string{"package-lock.json", "{}"}
	for name, c := range map[string]struct {
		settings string
		more     []string
		used     bool
	}{
		"by the lockfile":                {standalone + "}", npm, true},
		"without a lockfile":             {standalone + "}", nil, false},
		"by a lockfile of its own":       {standalone + "}", append([]string{"apps/web/yarn.lock", ""}, npm...), false},
		"by one that Next.js leaves out": {standalone + "}", []string{"npm-shrinkwrap.json", "{}"}, false},
		"by one that it did not know":    {standalone + "}", []string{"bun.lock", "{}"}, false},
		"by a setting":                   {standalone + `outputFileTracingRoot: path.join(__dirname, "../.."),` + "\n}", nil, true},
		"by parts":                       {standalone + "outputFileTracingRoot: path.resolve(\n    path.dirname(fileURLToPath(import.meta.url)),\n    '..',\n    '..',\n  ),\n  ...more}", nil, true},
		"by a URL":                       {standalone + `outputFileTracingRoot: new URL("../../", import.meta.url).pathname }`, nil, true},
		"by a name":                      {"const root = join(import.meta.dirname, '../..')\nconst other = '../x'\n" + standalone + "outputFileTracingRoot: root,\n}", nil, true},
		"by a name in short":             {"const outputFileTracingRoot = join(import.meta.dirname, '../..')\n" + standalone + "outputFileTracingRoot,\n}", nil, true},
		"by Turbopack's":                 {standalone + "turbopack: {\n    root: path.join(__dirname, '../..'),\n  },\n}", nil, true},
		"before Turbopack's":             {standalone + "turbopack: { root: path.join(__dirname, '../..') }, outputFileTracingRoot: __dirname }", npm, false},
		"from the app":                   {standalone + "outputFileTracingRoot: path.join(import.meta.dirname),\n}", npm, false},
		"from above the source":          {standalone + "outputFileTracingRoot: path.join(__dirname, '../../..'),\n}", npm, false},
	} {
		p := mustDetect(t, tree(nextWorkspace(c.settings, c.more...)...), Options{})
		if got := strings.Contains(p.Start, "node server.js"); got != c.used || got == slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "outputFileTracingRoot") }) {
			t.Errorf("%s: started by %q, warnings %q", name, p.Start, p.Warnings)
		}
	}
}

func TestTheRootOfAWorkspaceMayBeTheStandaloneApp(t *testing.T) {
	p := mustDetect(t, tree("package.json", `{"workspaces": ["packages/*"], "scripts": {"start": "next start"}, "dependencies": {"next": "16.0.0"}}`,
		"packages/lib/package.json", `{"name": "lib"}`, "next.config.js", `module.exports = {output: "standalone"}`), Options{})
	if p.Start != "node server.js" || p.Copy[0].From != "/app/.next/standalone" {
		t.Errorf("started by %q from %+v", p.Start, p.Copy)
	}
}
