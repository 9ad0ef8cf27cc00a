package buildpacks

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheLockfileDecidesThePackageManager(t *testing.T) {
	for name, c := range map[string]struct {
		files         []string
		field         string
		name, version string
	}{
		"nothing":                    {nil, "", "npm", ""},
		"field alone":                {nil, "pnpm@9.15.0+sha512.abc", "pnpm", "9.15.0"},
		"lockfile over field":        {[]string{"package-lock.json", ""}, "pnpm@9.15.0", "npm", ""},
		"field between lockfiles":    {[]string{"package-lock.json", "", "yarn.lock", "# yarn lockfile v1"}, "npm@10.0.0", "npm", ""},
		"first of several lockfiles": {[]string{"package-lock.json", "", "yarn.lock", "# yarn lockfile v1"}, "", "yarn", "1"},
		"pnpm 8":                     {[]string{"pnpm-lock.yaml", "lockfileVersion: '6.0'\n"}, "", "pnpm", "8"},
		"pnpm 7":                     {[]string{"pnpm-lock.yaml", "lockfileVersion: 5.4\n"}, "", "pnpm", "7"},
		"pnpm 10":                    {[]string{"pnpm-lock.yaml", "lockfileVersion: '9.0'\n"}, "", "pnpm", "10"},
		"yarn berry":                 {[]string{"yarn.lock", "__metadata:\n  version: 8\n"}, "", "yarn", "4"},
		"bun":                        {[]string{"bun.lockb", ""}, "", "bun", "1"},
		"a field that is a command":  {nil, "yarn@1; rm -rf /", "yarn", "1"},
		"an unknown manager":         {nil, "cnpm@9", "npm", ""},
		"pnpm's settings":            {[]string{"pnpm-workspace.yaml", ""}, "", "pnpm", "10"},
		"settings against the field": {[]string{"pnpm-workspace.yaml", ""}, "npm@11.0.0", "npm", ""},
		"yarn's settings":            {[]string{".yarnrc.yml", ""}, "", "yarn", "4"},
	} {
		t.Run(name, func(t *testing.T) {
			got := chooseManager(source{tree(c.files...)}, packageJSON{PackageManager: looseString(c.field)})
			if got.name != c.name || got.version != c.version {
				t.Errorf("got %s %s, want %s %s", got.name, got.version, c.name, c.version)
			}
		})
	}
}

// What the start script builds first is built once, with the development dependencies that it takes.
func TestAStartScriptThatBuildsIsTakenApart(t *testing.T) {
	for name, c := range map[string]struct{ scripts, build, start string }{
		"a script":          {`"start":"npm run build:ts && fastify start dist/app.js","build:ts":"tsc"`, "npm run build:ts", "fastify start dist/app.js"},
		"programs":          {`"start":"rimraf dist && tsc -p . && node dist/index.js"`, "rimraf dist && tsc -p .", "node dist/index.js"},
		"a build script":    {`"start":"npm run build && node dist/index.js","build":"tsc"`, "npm run build", "node dist/index.js"},
		"one that migrates": {`"start":"node migrate.js && node index.js"`, "", "node migrate.js && exec node index.js"},
		"a longer name":     {`"start":"yarn build-client && node server.js","build-client":"vite build"`, "yarn build-client", "node server.js"},
		"a watcher":         {`"start":"tsc --watch && node dist/index.js"`, "", "tsc --watch && exec node dist/index.js"},
	} {
		p := mustDetect(t, tree("package.json", `{"scripts":{`+c.scripts+`},"dependencies":{"fastify":"5"},"devDependencies":{"typescript":"5"}}`), Options{})
		i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == "build" })
		build := ""
		if i >= 0 {
			build = strings.TrimPrefix(p.Steps[i].Command, "export NODE_ENV=production\n")
		}
		if build != c.build || p.Start != c.start {
			t.Errorf("%s: builds %q, starts %q, want %q and %q", name, build, p.Start, c.build, c.start)
		}
	}
}

func TestWhatServesWhileDevelopingMakesNoServerOfASite(t *testing.T) {
	for framework, c := range map[string]struct{ pkg, folder string }{
		"ember":   {`{"scripts":{"build":"ember build --environment=production","start":"ember serve"},"devDependencies":{"ember-source":"6","ember-cli":"6"}}`, "/app/dist"},
		"slidev":  {`{"scripts":{"build":"slidev build","dev":"slidev --open"},"dependencies":{"@slidev/cli":"52"}}`, "/app/dist"},
		"rspress": {`{"scripts":{"build":"rspress build","start":"rspress preview"},"devDependencies":{"@rspress/core":"2"}}`, "/app/doc_build"},
	} {
		if p := mustDetect(t, tree("package.json", c.pkg), Options{}); p.Framework != framework || p.Copy[0].From != c.folder {
			t.Errorf("%s: %+v", framework, p)
		}
	}
}

func TestAServerThatNothingMakesIsWarnedOf(t *testing.T) {
	const pkg = `{"scripts":{"build":"vite build"},"dependencies":{"@tanstack/react-start":"1"%},"devDependencies":{"vite":"7"}}`
	for more, want := range map[string]bool{"": true, `,"nitro":"3"`: false, `,"vinxi":"0.5"`: false} {
		p := mustDetect(t, tree("package.json", strings.Replace(pkg, "%", more, 1), "package-lock.json", ""), Options{})
		if got := len(p.Warnings) > 0; got != want || p.Start != "node .output/server/index.mjs" {
			t.Errorf("with %q: starts %q, warns %q", more, p.Start, p.Warnings)
		}
	}
}

func TestAdonis5AndItsSuccessorsAreStartedFromTheirBuild(t *testing.T) {
	const pkg = `{"scripts":{"start":"node ace serve"},"dependencies":{"@adonisjs/core":"6"}}`
	for file, want := range map[string]string{"ace.js": "node build/bin/server.js", "ace": "node build/server.js"} {
		if p := mustDetect(t, tree("package.json", pkg, file, "", "server.ts", ""), Options{}); p.Start != want {
			t.Errorf("with %s: starts %q, want %q", file, p.Start, want)
		}
	}
}

func TestValidationOfVariablesIsLeftOutOfTheBuild(t *testing.T) {
	const pkg = `{"scripts":{"build":"next build","start":"next start"},"dependencies":{"next":"15"}}`
	p := mustDetect(t, tree("package.json", pkg, "src/env.js", "export const env = createEnv({ skipValidation: !!process.env.SKIP_ENV_VALIDATION })"), Options{})
	if p.BuildEnv["SKIP_ENV_VALIDATION"] != "1" || p.Env["SKIP_ENV_VALIDATION"] != "" {
		t.Errorf("builds with %v, runs with %v", p.BuildEnv, p.Env)
	}
	if p := mustDetect(t, tree("package.json", pkg, "src/env.js", "export const env = {}"), Options{}); p.BuildEnv["SKIP_ENV_VALIDATION"] != "" {
		t.Errorf("builds with %v", p.BuildEnv)
	}
}

func TestAChangeOfTheSourceInstallsNoSystemPackagesAgain(t *testing.T) {
	p := mustDetect(t, tree("package.json", `{"scripts":{"start":"node x.js"},"dependencies":{"better-sqlite3":"11"}}`), Options{})
	if s := p.Steps[0]; s.Name != "install system packages" || s.Inputs == nil || len(s.Inputs) > 0 {
		t.Errorf("the first step is %+v", s)
	}
}

func TestScriptsAreWrittenOutSoThatTheProgramGetsSignals(t *testing.T) {
	for name, c := range map[string]struct{ scripts, want string }{
		"plain":             {`"start":"node x.js"`, "node x.js"},
		"calls another":     {`"start":"npm run serve","serve":"node y.js"`, "node y.js"},
		"calls itself":      {`"start":"npm run start"`, "npm run start"},
		"in a circle":       {`"start":"yarn a","a":"yarn b","b":"yarn a"`, ""},
		"cross-env":         {`"start":"cross-env NODE_ENV=production PORT=1 node x.js"`, "exec env PORT=1 node x.js"},
		"pre script":        {`"prestart":"node migrate.js","start":"node x.js"`, "node migrate.js && exec node x.js"},
		"pre script builds": {`"prestart":"npm run build","start":"node x.js","build":"tsc"`, "node x.js"},
		"npm's variables":   {`"start":"node x.js $npm_package_version"`, "npm run start"},
		"development start": {`"start":"nodemon x.js","start:prod":"node x.js"`, "node x.js"},
		"only development":  {`"start":"nodemon x.js"`, "nodemon x.js"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree("package.json", `{"scripts":{`+c.scripts+`}}`), Options{})
			if c.want != "" && p.Start != c.want {
				t.Errorf("got %q, want %q", p.Start, c.want)
			}
		})
	}
}

func TestDevelopmentDependenciesStayWhereACommandNeedsThem(t *testing.T) {
	p := mustDetect(t, tree("package-lock.json", "{}", "package.json",
		`{"scripts":{"start":"node --import tsx server.ts"},"devDependencies":{"tsx":"4"},"dependencies":{"express":"5"}}`), Options{})
	if command := p.Steps[0].Command; command != "npm ci" {
		t.Errorf("got %q, want every dependency", command)
	}
	p = mustDetect(t, tree("package-lock.json", "{}", "package.json",
		`{"scripts":{"start":"node server.js"},"devDependencies":{"tsx":"4"},"dependencies":{"express":"5"}}`), Options{})
	if command := p.RunSteps[0].Command; command != "npm ci --omit=dev" {
		t.Errorf("got %q, want no development dependencies", command)
	}
}

func TestDependenciesAreInstalledInTheRunImageWhereItHasAllThatInstallingNeeds(t *testing.T) {
	const npm, start, build = "package-lock.json", `"start":"node x.js"`, `"start":"node x.js","build":"esbuild a.ts"`
	for name, c := range map[string]struct {
		lock, scripts, packages string
		inPlace                 bool
	}{
		"nothing is built":               {npm, start, `"dependencies":{"express":"5"}`, true},
		"others build":                   {npm, build, `"dependencies":{"express":"5"},"devDependencies":{"esbuild":"0.25"}`, true},
		"the same build":                 {npm, build, `"dependencies":{"express":"5","esbuild":"0.25"}`, false},
		"one is compiled":                {npm, start, `"dependencies":{"better-sqlite3":"11"}`, false},
		"an install script":              {npm, start + `,"postinstall":"patch-package"`, `"dependencies":{"express":"5"}`, false},
		"the build writes into them":     {npm, build, `"dependencies":{"@prisma/client":"6"},"devDependencies":{"prisma":"6"}`, false},
		"a browser is fetched for one":   {npm, start, `"dependencies":{"playwright":"1"}`, false},
		"another package manager":        {"yarn.lock", start, `"dependencies":{"express":"5"}`, false},
		"a development one at the start": {npm, `"start":"tsx x.ts"`, `"devDependencies":{"tsx":"4"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree(c.lock, "{}", "package.json", `{"scripts":{`+c.scripts+`},`+c.packages+`}`), Options{})
			copied := p.Copy[0].To == "/app/node_modules"
			if got := len(p.RunSteps) > 0; got != c.inPlace || copied == c.inPlace {
				t.Errorf("installed in place: %v, copied: %v; the steps are %+v and %+v", got, copied, p.RunSteps, p.Steps)
			}
		})
	}
}

func TestAnInstallScriptThatReadsTheSourceSeesIt(t *testing.T) {
	for script, whole := range map[string]bool{"node scripts/setup.js": true, "npm run build": true, "husky": false,
		"npx prisma generate": false, "patch-package || true": false, "is-ci || husky install": false} {
		p := mustDetect(t, tree("package-lock.json", "{}", "package.json",
			`{"scripts":{"start":"node x.js","postinstall":"`+script+`"},"dependencies":{"a":"1"}}`), Options{})
		if got := p.Steps[0].Inputs == nil; got != whole {
			t.Errorf("%q: sees the whole source is %v, want %v", script, got, whole)
		}
	}
}

func TestAServerThatUsesViteIsNoSite(t *testing.T) {
	p := mustDetect(t, tree("package.json",
		`{"scripts":{"build":"vite build","start":"node server.js"},"dependencies":{"express":"5"},"devDependencies":{"vite":"6"}}`), Options{})
	if p.Framework != "express" || p.Start != "node server.js" || p.RunImage != p.BuildImage {
		t.Errorf("got %s, %q in %s", p.Framework, p.Start, p.RunImage)
	}
}

func TestTheServiceNameChoosesAmongWorkspaceMembers(t *testing.T) {
	files := tree("package.json", `{"workspaces":["apps/*","!apps/old"]}`,
		"apps/api/package.json", `{"name":"@x/api","scripts":{"start":"node a.js"}}`,
		"apps/web/package.json", `{"name":"@x/web","scripts":{"build":"vite build"},"devDependencies":{"vite":"6"}}`,
		"apps/old/package.json", `{"scripts":{"start":"node old.js"}}`)
	if p := mustDetect(t, files, Options{Service: "api"}); p.Start != "cd apps/api && exec node a.js" {
		t.Errorf("got %q", p.Start)
	}
	if p := mustDetect(t, files, Options{Service: "web"}); p.Copy[0].From != "/app/apps/web/dist" {
		t.Errorf("got %+v", p.Copy)
	}
	_, err := Detect(files, Options{})
	if err == nil || !strings.Contains(err.Error(), "apps/api, apps/web\n") {
		t.Errorf("got %v, want both members named and not the one left out", err)
	}
}

func TestMembersThatNothingNeedsStayOutOfTheRunImage(t *testing.T) {
	files := func(api string, more ...string) fstest.MapFS {
		return tree(append([]string{"package.json", `{"workspaces":["apps/*","packages/*"],"devDependencies":{"typescript":"5"}}`, "package-lock.json", "",
			"apps/api/package.json", `{"name":"api","scripts":{"start":"node server.js"},"dependencies":{"@shop/db":"*"}}`, "apps/api/server.js", api,
			"apps/web/package.json", `{"name":"web","scripts":{"build":"vite build"},"devDependencies":{"vite":"6"}}`,
			"packages/db/package.json", `{"name":"@shop/db","devDependencies":{"@shop/config":"*"}}`, "packages/config/package.json", `{"name":"@shop/config"}`,
			"packages/ui/package.json", `{"name":"@shop/ui"}`}, more...)...)
	}
	last := func(fsys fstest.MapFS) string {
		t.Helper()
		p := mustDetect(t, fsys, Options{Service: "api"})
		return p.Steps[len(p.Steps)-1].Command
	}
	if got := last(files("require('@shop/db')")); got != "rm -rf apps/web packages/ui\nnpm prune --omit=dev --ignore-scripts" {
		t.Errorf("prunes with %q", got)
	}
	if got := last(files("app.use(express.static(path.join(__dirname, '..', 'web', 'dist')))")); !strings.HasPrefix(got, "rm -rf packages/ui\n") {
		t.Errorf("a member whose folder the app serves is gone: %q", got)
	}
	if got := last(files("", "Procfile", "web: node apps/web/server.js")); strings.Contains(got, "apps/web") {
		t.Errorf("a member that a command names is gone: %q", got)
	}
	for manager, want := range map[nodeManager]string{
		{name: "pnpm"}:              "pnpm install --no-frozen-lockfile --prefer-offline --prod",
		{name: "yarn", berry: true}: "yarn workspaces focus api --production\nrm -rf 'a b'",
		{name: "yarn"}:              "yarn install --pure-lockfile --non-interactive --production",
		{name: "bun"}:               "bun install --production",
	} {
		if got := manager.pruneMembers("api", []string{"a b"}); !strings.Contains(got, want) || !strings.Contains(got, "rm -rf 'a b'") {
			t.Errorf("%s prunes with %q", manager.name, got)
		}
	}
}
