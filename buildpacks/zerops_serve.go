package buildpacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"csph/buildpacks/zerops"
)

// serveZerops makes nginx serve what is deployed, as run.routing says.
func (p *Plan) serveZerops(z *zerops.Plan) {
	routing := z.Run.Routing
	if routing == nil {
		routing = &zerops.Routing{}
	}
	root := zerops.DeployFolder
	if routing.Root != "" && routing.Root != "." {
		root += "/" + routing.Root
	}
	conf := strings.ReplaceAll(site{singlePage: true}.nginx(), "root "+siteFolder, "root "+nginxText(root))
	conf = strings.Replace(conf, "    server {\n", routingMaps(routing)+"    server {\n"+routingRules(routing), 1)
	p.Files = map[string]string{nginxTemplate: conf}
	p.Start = nginxStart
	p.decide("served by nginx from "+root, "run.base is "+z.Run.Base+"; paths that are no file are answered with index.html", "run.routing in "+z.File)
}

// routingMaps give each header a variable that is empty on paths it is not for: nginx leaves empty headers out.
func routingMaps(r *zerops.Routing) string {
	var b strings.Builder
	b.WriteString("    geo $dollar { default \"$\"; }\n")
	for i, h := range r.Headers {
		for k, name := range headerNames(h) {
			fmt.Fprintf(&b, "    map $uri $header_%d_%d {\n        default \"\";\n        %s %s;\n    }\n", i, k,
				nginxText("~"+nginxPattern(h.For)), nginxText(bareValue(h.Values[name])))
		}
	}
	return b.String()
}

func headerNames(h zerops.Header) []string {
	var names []string
	for name := range h.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// routingRules are the lines of the server block that run.routing stands for.
func routingRules(r *zerops.Routing) string {
	var b strings.Builder
	for i, h := range r.Headers {
		for k, name := range headerNames(h) {
			fmt.Fprintf(&b, "        add_header %s $header_%d_%d always;\n", name, i, k)
		}
	}
	if r.CORS != "" {
		for _, name := range []string{"Allow-Origin", "Allow-Methods", "Allow-Headers", "Expose-Headers"} {
			fmt.Fprintf(&b, "        add_header Access-Control-%s %s always;\n", name, nginxText(bareValue(r.CORS)))
		}
	}
	for _, d := range r.Redirects {
		b.WriteString("        " + redirectRule(d) + "\n")
	}
	return b.String()
}

func redirectRule(d zerops.Redirect) string {
	to := nginxText(d.To)
	if d.PreservePath && strings.HasSuffix(d.From, "*") {
		to = strings.TrimSuffix(to, `"`) + `$1"`
	}
	if d.Status == 0 {
		return fmt.Sprintf("rewrite %s %s last;", nginxText(nginxPattern(d.From)), to)
	}
	if d.PreserveQuery {
		to = strings.TrimSuffix(to, `"`) + `$is_args$args"`
	}
	return fmt.Sprintf("location ~ %s { return %d %s; }", nginxText(nginxPattern(d.From)), d.Status, to)
}

// nginxPattern is a path of run.routing as a regular expression; a * at its end is the first group.
func nginxPattern(from string) string {
	prefix, wild := strings.CutSuffix(from, "*")
	var b strings.Builder
	for _, r := range prefix {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	if wild {
		return "^" + b.String() + "(.*)$"
	}
	return "^" + b.String() + "$"
}

// nginxText quotes a word of a configuration. A $ is not the begin of a variable, but where it ends a pattern.
func nginxText(s string) string {
	pattern := strings.HasSuffix(s, "$") && (strings.HasPrefix(s, "^") || strings.HasPrefix(s, "~^"))
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(s)
	if !pattern {
		s = strings.ReplaceAll(s, "$", "${dollar}")
	}
	return `"` + s + `"`
}

// bareValue takes off the quotes, and the word always, that the value of a header may be written with in nginx's
// own way.
func bareValue(v string) string {
	v = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), " always"))
	for _, quote := range []string{`'`, `"`} {
		if len(v) >= 2 && strings.HasPrefix(v, quote) && strings.HasSuffix(v, quote) {
			v = v[1 : len(v)-1]
		}
	}
	return v
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
