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
	root := documentRootOf(z)
	conf := strings.ReplaceAll(apacheFor(".", true), appFolder+"/", zerops.DeployFolder+"/")
	p.Files = map[string]string{apacheConfig: strings.ReplaceAll(conf, appFolder, `"`+root+`"`), phpConfig: phpINI}
	maps.Copy(p.Env, map[string]string{"WEB_CONCURRENCY": "10"})
	p.Start = apacheStart
	p.decide("served by Apache with PHP from "+root, "run.base is "+z.Run.Base, "run.documentRoot in "+z.File)
}

// serveNginxPHP makes nginx serve what is deployed, and PHP-FPM answer for it. The official image of PHP-FPM has no web
// server: nginx comes from its own, which is on the same Debian and needs no library that the other lacks.
func (p *Plan) serveNginxPHP(z *zerops.Plan) {
	root := documentRootOf(z)
	for _, name := range []string{"/usr/sbin/nginx", "/etc/nginx/mime.types", "/etc/nginx/fastcgi_params"} {
		p.Copy = append(p.Copy, Copy{Image: nginxImage, From: name, To: name})
	}
	p.Files = map[string]string{nginxConfig: nginxFor(root), fpmConfig: fpmConf, phpConfig: fpmINI}
	maps.Copy(p.Env, map[string]string{"WEB_CONCURRENCY": "10"})
	z.Run.StartCommands = nginxProcesses()
	p.Start = shellOf(z.Run.Processes())
	p.decide("served by nginx with PHP-FPM from "+root, "run.base is "+z.Run.Base, "run.documentRoot in "+z.File)
}

func documentRootOf(z *zerops.Plan) string {
	if dir := z.Run.DocumentRoot; dir != "" && dir != "." {
		return zerops.DeployFolder + "/" + dir
	}
	return zerops.DeployFolder
}
