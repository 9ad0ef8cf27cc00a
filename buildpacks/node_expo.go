package buildpacks

import "encoding/json"

// deliverExpo exports the web part of an Expo app (https://docs.expo.dev/guides/publishing-websites/): a single page unless
// app.json asks for one page each.
func deliverExpo(a *nodeApp) delivery {
	var file struct {
		Expo struct {
			Web struct {
				Output string `json:"output"`
			} `json:"web"`
		} `json:"expo"`
	}
	if json.Unmarshal([]byte(a.text(a.in("app.json"))), &file) != nil {
		file.Expo.Web.Output = ""
	}
	d := singlePage("dist", "expo export --platform web", "/_expo/static/")(a)
	d.site.singlePage = file.Expo.Web.Output != "static"
	d.siteAlways = true
	if file.Expo.Web.Output == "server" {
		d.site = nil
		d.start = "expo serve --port ${PORT:-8080}"
		d.warnings = []string{"web.output is server: expo serve is made for looking at an export; @expo/server with Express serves it in production"}
	}
	return d
}
