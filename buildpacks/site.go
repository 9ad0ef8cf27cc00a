package buildpacks

import (
	"errors"

	"csph/platform"
)

// errNoSite says that the source of a static service is something else.
var errNoSite = errors.New("the service is static, and nothing in this source is a site: " +
	"add an index.html, a Staticfile or a framework that builds a site; or leave Procfile and --run out; or create the service with --type web")

// site is a folder of files to be served as they are.
type site struct {
	root       string   // in the build container: "/app/dist"
	exclude    []string // below root, not to be served
	singlePage bool     // what is no file is answered with index.html
	listing    bool     // folders without an index list their files
	immutable  []string // folders whose files carry a hash in their names: "/assets/"
}

const siteFolder = "/app/public"

// SiteServer is where the images of sites have csph's file server, and SiteConfig what it is to serve.
const (
	SiteServer = "/.csph/files"
	SiteConfig = "/.csph/site.json"
)

// serve has a plan's image hold the site and csph's file server, and nothing else.
func (p *Plan) serve(s site) {
	p.RunImage, p.Start = "", ""
	p.User = runUser
	p.Env = runEnv("", nil)
	p.Copy = []Copy{{From: s.root, To: siteFolder, Exclude: s.exclude}}
	p.Site = &platform.Site{Root: siteFolder, Listing: s.listing, Immutable: s.immutable}
	why := "files are served as they are"
	if s.singlePage {
		p.Site.Fallback = "/index.html"
		why = "it is a single-page app: paths that are no file are answered with index.html"
	}
	p.decide("served by csph's file server", why, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
}

// settleSite gives a site's image a shell where a command wants one, and leaves the file server out where
// something else is started.
func (p *Plan) settleSite() {
	if p.Site == nil {
		return
	}
	served := p.Start == "" || p.Start == SiteServer
	if !served {
		p.Site = nil
	}
	if p.RunImage == "" && (!served || len(p.Processes) > 0) {
		p.RunImage = debianImage
	}
}
