package buildpacks

import (
	"path"
)

// rustFrameworks are crates that serve, with the start of those that have to be told their port.
var rustFrameworks = []struct{ crate, name string }{
	{"rocket", "rocket"}, {"loco-rs", "loco"}, {"leptos_axum", "leptos"}, {"axum", "axum"}, {"actix-web", "actix"}, {"poem", "poem"}, {"warp", "warp"}, {"salvo", "salvo"},
	{"tide", "tide"}, {"hyper", "hyper"},
}

// frameworks names the framework and tells it its port: Rocket by its own variables, others by what their code reads.
func (c *cargo) frameworks(p *Plan, bin cargoBin) {
	for _, f := range rustFrameworks {
		if _, ok := c.app.manifest.Dependencies[f.crate]; ok {
			p.Framework = f.name
			p.decide("framework "+f.name, f.crate+" is a dependency", "")
			break
		}
	}
	switch p.Framework {
	case "rocket":
		p.Env["ROCKET_ADDRESS"] = "0.0.0.0"
		p.Env["ROCKET_LOG_LEVEL"] = "normal"
		p.Start = "exec env ROCKET_PORT=${PORT:-8080} " + p.Start
		return
	case "loco":
		p.Env["LOCO_ENV"] = "production"
		p.Start += " start --binding 0.0.0.0 --port ${PORT:-8080}"
		return
	}
	c.listenHint(p, path.Join(c.app.dir, "src"), ".rs")
}
