package buildpacks

import "strings"

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
