package buildpacks

// delivery is what a framework's build leaves: a site to be served, a server that carries all it needs, or
// (neither) a server that runs on node_modules.
type delivery struct {
	framework string
	why       string
	site      *site // served as files
	// siteAlways says that a start script is left over from a template: there is nothing but a site.
	siteAlways bool
	copies     []Copy // into the run image, instead of the app and its node_modules
	build      string // where there is no build script
	start      string
	// startFirst says that start is better than scripts.start.
	startFirst bool
	before     []Step // of the build, before anything of the source is there
	afterBuild string
	caches     []string // folders of the app kept between builds
	env        map[string]string
	buildEnv   map[string]string
	warnings   []string
}

// nodeFramework is one framework: the dependencies that show it, and what it delivers.
type nodeFramework struct {
	name    string
	shownBy []string
	deliver func(a *nodeApp) delivery
	tool    bool // servers use it as well: it counts only where no server is started
}

// nodeFrameworks are tried in order: those built upon others come before them.
func nodeFrameworks() []nodeFramework {
	return []nodeFramework{
		{"keystone", []string{"@keystone-6/core"}, server("keystone start"), false},
		{"next", []string{"next"}, deliverNext, false},
		{"nuxt", []string{"nuxt", "nuxt3", "nuxt-nightly"}, deliverNuxt, false},
		{"react-router", []string{"@react-router/dev"}, deliverReactRouter, false},
		{"remix", []string{"@remix-run/dev", "@remix-run/serve", "@remix-run/node"}, deliverRemix, false},
		{"tanstack-start", []string{"@tanstack/react-start", "@tanstack/solid-start", "@tanstack/start"}, deliverNitro, false},
		{"solid-start", []string{"@solidjs/start"}, deliverNitro, false},
		{"qwik-city", []string{"@builder.io/qwik-city", "@qwik.dev/router"}, deliverQwik, false},
		{"sveltekit", []string{"@sveltejs/kit"}, deliverSvelteKit, false},
		{"astro", []string{"astro"}, deliverAstro, false},
		{"angular", []string{"@angular/core"}, deliverAngular, false},
		{"gatsby", []string{"gatsby"}, pages("public", "gatsby build", "/static/"), false},
		{"docusaurus", []string{"@docusaurus/core"}, pages("build", "docusaurus build", "/assets/"), false},
		{"vitepress", []string{"vitepress"}, deliverVitePress, false},
		{"slidev", []string{"@slidev/cli"}, singlePage("dist", "slidev build", "/assets/"), false},
		{"rspress", []string{"@rspress/core", "rspress"}, pages("doc_build", "rspress build", "/static/"), false},
		{"eleventy", []string{"@11ty/eleventy"}, deliverEleventy, false},
		{"hexo", []string{"hexo"}, pages("public", "hexo generate"), false},
		{"nest", []string{"@nestjs/core"}, deliverNest, false},
		{"adonis", []string{"@adonisjs/core"}, deliverAdonis, false},
		{"strapi", []string{"@strapi/strapi"}, server("strapi start"), false},
		{"create-react-app", []string{"react-scripts"}, singlePage("build", "react-scripts build", "/static/"), false},
		{"vue-cli", []string{"@vue/cli-service"}, singlePage("dist", "vue-cli-service build"), false},
		{"ember", []string{"ember-source"}, singlePage("dist", "ember build --environment=production", "/assets/"), false},
		{"expo", []string{"expo"}, deliverExpo, false},
		{"vite", []string{"vite"}, deliverVite, true},
		{"rsbuild", []string{"@rsbuild/core"}, singlePage("dist", "rsbuild build", "/static/"), true},
		{"parcel", []string{"parcel"}, singlePage("dist", ""), true},
		{"fastify", []string{"fastify"}, deliverFastify, false},
		{"koa", []string{"koa"}, server(""), false},
		{"hapi", []string{"@hapi/hapi"}, server(""), false},
		{"hono", []string{"hono"}, server(""), false},
		{"express", []string{"express"}, server(""), false},
	}
}

// delivery asks the first framework whose packages the app needs.
func (a *nodeApp) delivery() delivery {
	if a.nx != nil {
		return a.nx.delivery(a)
	}
	for _, f := range nodeFrameworks() {
		name := a.pkg.firstOf(f.shownBy...)
		if name == "" {
			continue
		}
		if f.tool && a.serves() {
			continue
		}
		d := f.deliver(a)
		d.framework, d.why = f.name, name+" is a dependency"
		if d.site != nil && !a.options.Static && (a.startGiven() || !d.siteAlways && a.serves()) {
			d.site = nil
		}
		return d
	}
	return delivery{}
}

// serves tells whether the app says itself how a server is started, so that what is built is not all of it.
func (a *nodeApp) serves() bool { return a.startGiven() || a.startScript() != "" }
