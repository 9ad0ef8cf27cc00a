package buildpacks

import (
	"maps"
	"strings"

	"csph/buildpacks/zerops"
)

// serveZerops has csph's file server serve what is deployed, as run.routing says.
func (p *Plan) serveZerops(z *zerops.Plan) {
	served := z.Run.Routing.Site()
	p.Site = &served
	if z.RunImage.Name != "" {
		p.Start = SiteServer // beside commands of the run section, which name it
	}
	p.decide("served by csph's file server from "+p.Site.Root, "run.base is "+z.Run.Base+"; paths that are no file are answered with index.html", "run.routing in "+z.File)
}

// servePHP makes Apache serve what is deployed; run.documentRoot names the folder of it.
func (p *Plan) servePHP(z *zerops.Plan) {
	root := zerops.DeployFolder
	if z.Run.DocumentRoot != "" && z.Run.DocumentRoot != "." {
		root += "/" + z.Run.DocumentRoot
	}
	conf := strings.ReplaceAll(apacheFor(".", true), appFolder+"/", zerops.DeployFolder+"/")
	p.Files = map[string]string{apacheConfig: strings.ReplaceAll(conf, appFolder, `"`+root+`"`), phpConfFolder + "/zz-csph.ini": phpINI}
	maps.Copy(p.Env, map[string]string{"WEB_CONCURRENCY": "10"})
	p.Start = "exec env PORT=${PORT:-8080} apache2 -D FOREGROUND -f " + apacheConfig
	p.decide("served by Apache with PHP from "+root, "run.base is "+z.Run.Base, "run.documentRoot in "+z.File)
}
