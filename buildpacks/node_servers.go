package buildpacks

import (
	"regexp"
	"strings"
)

// server is an app that starts itself; start is how, where no script says so.
func server(start string) func(*nodeApp) delivery {
	return func(*nodeApp) delivery { return delivery{start: start} }
}

// folder copies a folder of the build to the same place in the run image.
func (a *nodeApp) folder(dir string) Copy { return Copy{From: a.appPath(dir), To: a.appPath(dir)} }

// deliverNuxt: Nuxt 3 and newer leave .output, with all that it needs.
func deliverNuxt(a *nodeApp) delivery {
	if oldNuxt.MatchString(a.pkg.Dependencies["nuxt"] + a.pkg.DevDependencies["nuxt"]) {
		return delivery{build: "nuxt build", start: "nuxt start", buildEnv: map[string]string{"NUXT_TELEMETRY_DISABLED": "1"}}
	}
	d := deliverNitro(a)
	d.build = "nuxt build"
	d.buildEnv = map[string]string{"NUXT_TELEMETRY_DISABLED": "1"}
	if generatesSite.MatchString(a.pkg.Scripts["build"]) {
		d = pages(".output/public", "nuxt generate", "/_nuxt/")(a)
		d.siteAlways = true
	}
	return d
}

var (
	oldNuxt       = regexp.MustCompile(`^[~^]?[12]\.`)
	generatesSite = regexp.MustCompile(`\bnux[ti] generate\b`)
)

// deliverNitro: a server that Nitro bundled into .output.
func deliverNitro(a *nodeApp) delivery {
	d := delivery{build: "vite build", start: "node .output/server/index.mjs", copies: []Copy{a.folder(".output")}}
	switch script := a.startScript(); {
	case script != "" && !strings.Contains(a.expand(script), ".output/"):
		d.copies = nil
	case script == "" && !a.pkg.needsAny("nitro", "nitropack", "vinxi", "nuxt", "nuxt3", "nuxt-nightly"):
		d.warnings = []string{"nothing among the dependencies makes a server of the build: add nitro, and nitro() to the plugins of the Vite configuration"}
	}
	return d
}

func deliverReactRouter(a *nodeApp) delivery {
	if spaMode.MatchString(a.configText("react-router.config")) {
		d := singlePage("build/client", "react-router build", "/assets/")(a)
		d.siteAlways = true
		return d
	}
	d := delivery{build: "react-router build", start: "react-router-serve ./build/server/index.js"}
	if !a.pkg.needs("@react-router/serve") && a.startScript() == "" {
		d.warnings = []string{"react-router-serve is not there: add @react-router/serve to the dependencies, or a start script for the server that the app is made for"}
	}
	return d
}

func deliverRemix(a *nodeApp) delivery {
	if vite := a.configText("vite.config"); vite != "" {
		if spaMode.MatchString(vite) {
			d := singlePage("build/client", "remix vite:build", "/assets/")(a)
			d.siteAlways = true
			return d
		}
		return delivery{build: "remix vite:build", start: "remix-serve ./build/server/index.js"}
	}
	return delivery{build: "remix build", start: "remix-serve ./build/index.js"}
}

var spaMode = regexp.MustCompile(`\bssr\s*:\s*false\b`)

// deliverSvelteKit goes by the adapter.
func deliverSvelteKit(a *nodeApp) delivery {
	config := a.configText("svelte.config") + a.configText("vite.config")
	if a.pkg.needs("@sveltejs/adapter-static") {
		d := pages(safeFolder(setting(config, "pages"), "build"), "vite build", "/_app/immutable/")(a)
		d.site.singlePage = setting(config, "fallback") == "index.html"
		d.siteAlways = true
		return d
	}
	// The router ends TLS, and says so and who asks in these headers.
	d := delivery{build: "vite build", start: "node build", env: map[string]string{"PROTOCOL_HEADER": "x-forwarded-proto",
		"HOST_HEADER": "x-forwarded-host", "ADDRESS_HEADER": "x-forwarded-for", "XFF_DEPTH": "1"}}
	switch {
	case a.pkg.needs("@sveltejs/adapter-node"):
		d.start = "node " + shellQuote(safeFolder(setting(config, "out"), "build"))
	case a.pkg.needs("@sveltejs/adapter-auto"):
		d.buildEnv = map[string]string{"GCP_BUILDPACKS": "true"}
		d.before = []Step{{Name: "install @sveltejs/adapter-node", Inputs: []string{}, Command: "npm install --prefix / --no-save --no-audit --no-fund --legacy-peer-deps " + a.svelteAdapter()}}
		d.warnings = []string{"@sveltejs/adapter-node is installed beside the app, since adapter-auto wants it here: add it to package.json and to the SvelteKit configuration, and the lockfile keeps its release"}
	default:
		d.warnings = []string{"no adapter that is known here; @sveltejs/adapter-node makes a server"}
	}
	return d
}

// svelteAdapter is the adapter for Node.js that goes with the release of SvelteKit. adapter-auto, which templates start with,
// takes it where it believes to be in Google Cloud's buildpacks, and installs it at every build unless it finds it
// (https://svelte.dev/docs/kit/adapter-auto). It looks for it from the app's folder upwards, so that it need not be among
// the app's own packages, whichever package manager those are of.
func (a *nodeApp) svelteAdapter() string {
	releases := map[string]string{"1": "@1", "2": "@5"}
	m := firstMajor.FindStringSubmatch(a.pkg.Dependencies["@sveltejs/kit"] + a.pkg.DevDependencies["@sveltejs/kit"])
	if m == nil {
		return "@sveltejs/adapter-node"
	}
	return "@sveltejs/adapter-node" + releases[m[1]]
}

// firstMajor finds the major release that a range begins with.
var firstMajor = regexp.MustCompile(`^[~^>=v ]*([0-9]+)`)

// deliverQwik: without an adapter, whose script is serve, there is only the preview server.
func deliverQwik(a *nodeApp) delivery {
	if a.startScript() != "" {
		return delivery{build: "qwik build"}
	}
	return delivery{build: "qwik build", afterBuild: "qwik build preview", start: "vite preview --host 0.0.0.0 --port ${PORT:-8080}",
		warnings: []string{"Qwik City without an adapter is shown by vite preview; run `npm run qwik add` and choose a Node.js server"}}
}

// deliverFastify: fastify-cli listens on the loopback address unless told otherwise.
func deliverFastify(*nodeApp) delivery {
	return delivery{env: map[string]string{"FASTIFY_ADDRESS": "0.0.0.0"}}
}

// deliverAstro: a server only with the Node.js adapter.
func deliverAstro(a *nodeApp) delivery {
	dir := safeFolder(setting(a.configText("astro.config"), "outDir"), "dist")
	if a.pkg.needs("@astrojs/node") {
		return delivery{build: "astro build", start: "node " + shellQuote("./"+dir+"/server/entry.mjs")}
	}
	d := pages(dir, "astro build", "/_astro/")(a)
	d.siteAlways = true
	return d
}

// deliverNest: the start script of the template compiles at start; what was built starts at once. Without its command
// line the compiler alone builds it.
func deliverNest(a *nodeApp) delivery {
	if !a.pkg.needs("@nestjs/cli") && !a.root.needs("@nestjs/cli") && a.pkg.needs("typescript") {
		return delivery{build: "tsc", start: "node dist/main"}
	}
	return delivery{build: "nest build", start: "node dist/main"}
}

// deliverAdonis: the build is an app of its own below build/ (https://docs.adonisjs.com/deployment; version 5 has its
// server beside ace).
func deliverAdonis(a *nodeApp) delivery {
	if a.isFile(a.in("ace")) && a.isFile(a.in("server.ts")) {
		return delivery{build: "node ace build --production", start: "node build/server.js", startFirst: true}
	}
	if a.isFile(a.in("ace.js")) || a.isFile(a.in("ace")) {
		return delivery{build: "node ace build", start: "node build/bin/server.js", startFirst: true}
	}
	return delivery{}
}
