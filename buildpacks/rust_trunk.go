package buildpacks

import (
	"cmp"
	"strings"
)

// trunkTools bring what compiles a program of Rust for browsers. They come before the source, so that it is done once.
const trunkTools = "rustup target add wasm32-unknown-unknown\ncargo install --locked --root /opt/trunk trunk"

// trunk tells a program that runs in browsers, and why: Yew, Leptos and Dioxus without a server are built by Trunk,
// from an index.html (https://trunk-rs.github.io/trunk/). "" for every other source.
func (c *cargo) trunk() string {
	switch {
	case c.isFile("Trunk.toml"):
		return "there is a Trunk.toml"
	case strings.Contains(c.text("index.html"), "data-trunk"):
		return "index.html is Trunk's"
	}
	for _, name := range []string{"yew", "leptos", "sycamore"} {
		if _, ok := c.root.Dependencies[name]; ok && c.isFile("index.html") && c.root.features(name) != nil && !c.servesItself() {
			return name + " is a dependency, and there is an index.html"
		}
	}
	return ""
}

// servesItself tells whether one of the crates that serve is a dependency.
func (c *cargo) servesItself() bool {
	for _, f := range rustFrameworks {
		if _, ok := c.root.Dependencies[f.crate]; ok {
			return true
		}
	}
	return false
}

// planTrunk builds the site that Trunk makes, and serves it.
func (c *cargo) planTrunk(p *Plan, why string) *Plan {
	p.Framework = "trunk"
	p.decide("a program for browsers, built by Trunk", why, "add a Dockerfile")
	p.BuildEnv = buildEnv("/opt/trunk/bin:"+cargoPath, map[string]string{"CARGO_HOME": "/usr/local/cargo", "CARGO_TERM_COLOR": "never"})
	build := c.options.Build
	if build == "" {
		build = "trunk build --release --dist dist"
	}
	p.decide("build: "+build, "the release profile; crates and target/ are kept in caches", "--build 'CMD'")
	p.Steps = append(p.Steps,
		Step{Name: "install Trunk", Command: trunkTools, Inputs: []string{}, Caches: cargoCaches[:1]},
		Step{Name: "build the site", Command: build, Caches: cargoCaches})
	p.serve(site{root: appFolder + "/dist", singlePage: true})
	return p
}

// leptosSteps build the server and what browsers load from it, as the Leptos book deploys them
// (https://book.leptos.dev/deployment/ssr.html).
func (c *cargo) leptosSteps(p *Plan, bin cargoBin) {
	leptos := c.root.Package.Metadata.Leptos
	site := safeFolder(leptos.SiteRoot, "target/site")
	build := "cargo leptos build --release"
	p.decide("build: "+build, "package.metadata.leptos in Cargo.toml: cargo-leptos builds the server and the site", "--build 'CMD'")
	p.BuildEnv["PATH"] = "/opt/leptos/bin:" + p.BuildEnv["PATH"]
	p.Steps = append(p.Steps,
		Step{Name: "install cargo-leptos", Command: "rustup target add wasm32-unknown-unknown\ncargo install --locked --root /opt/leptos cargo-leptos",
			Inputs: []string{}, Caches: cargoCaches[:1]},
		Step{Name: "build " + bin.name, Caches: cargoCaches,
			Command: build + "\nmkdir -p bin site\ncp target/release/" + bin.name + " bin/\ncp -r " + shellQuote(site) + "/. site/"})
	p.Env["LEPTOS_SITE_ROOT"], p.Env["LEPTOS_OUTPUT_NAME"] = "site", cmp.Or(leptos.OutputName, bin.name)
	p.Start = "exec env LEPTOS_SITE_ADDR=0.0.0.0:${PORT:-8080} " + p.Start
	p.Copy = []Copy{{From: "/etc/ssl/certs/ca-certificates.crt", To: "/etc/ssl/certs/ca-certificates.crt"},
		{From: appFolder + "/bin", To: appFolder + "/bin"}, {From: appFolder + "/site", To: appFolder + "/site"}}
}
