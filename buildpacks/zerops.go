package buildpacks

import (
	"fmt"
	"slices"
	"strings"

	"csph/buildpacks/zerops"
)

// detectZerops follows zerops.yml where one of its setups is for the service (SPEC section 3).
func detectZerops(j job) (*Plan, error) {
	f, err := readZerops(j)
	if err != nil || f == nil {
		return nil, err
	}
	setup, ok := f.Choose(j.options.Setup, j.options.Service)
	if !ok && j.options.Setup != "" {
		return nil, &IncompleteError{Language: f.Name, Missing: "it has no setup " + j.options.Setup,
			Advice: "its setups are " + strings.Join(f.SetupNames(), ", ")}
	}
	if !ok {
		return nil, nil
	}
	z, err := f.Plan(setup, []byte(j.text(".deployignore")))
	if err != nil {
		return nil, err
	}
	return planZerops(j, z), nil
}

// readZerops reads the file, nil where there is none.
func readZerops(j job) (*zerops.File, error) {
	name := j.first(zerops.Names()...)
	if name == "" && j.options.Setup != "" {
		return nil, &IncompleteError{Language: "plain", Missing: "--setup " + j.options.Setup + " needs a zerops.yml",
			Advice: "add a zerops.yml, or leave --setup out"}
	}
	if name == "" {
		return nil, nil
	}
	content, _, err := j.read(name)
	if err != nil {
		return nil, err
	}
	return zerops.Parse(name, content)
}

// planZerops wraps what zerops.yml says into a plan.
func planZerops(j job, z *zerops.Plan) *Plan {
	p := &Plan{Language: "zerops", Framework: z.Run.Base, Port: z.Run.WebPort(), User: runUser, Zerops: z,
		RunImage: z.RunImage.Name, Env: map[string]string{"HOME": zerops.PrepareFolder}}
	if len(z.BuildImages) > 0 {
		p.BuildImage = z.BuildImages[0].Name
	}
	p.decide("setup "+z.Setup+" of "+z.File, whySetup(j, z), "--setup NAME")
	if build := j.options.Build; build != "" {
		z.BuildCommands = []string{build}
		p.decide("build: "+build, "--build was given", "")
	}
	if run := j.options.Run; run != "" {
		z.Run.Start, z.Run.StartCommands = run, nil
	}
	for _, n := range z.Notes {
		p.decide(n.What, n.Why, n.Override)
	}
	p.Warnings = z.Warnings
	z.Notes, z.Warnings = nil, nil
	p.Start = shellOf(z.Run.Processes())
	if z.Static() && p.Start == "" {
		p.serveZerops(z)
	}
	return p
}

func whySetup(j job, z *zerops.Plan) string {
	switch z.Setup {
	case j.options.Setup:
		return "--setup was given"
	case j.options.Service:
		return "it is named like the service"
	}
	return "it is the only one"
}

// shellOf is one command line that runs all processes. Several are started one by one by csph's own init; this
// is what they amount to.
func shellOf(processes []zerops.Process) string {
	if len(processes) == 1 {
		return processes[0].Command
	}
	var b strings.Builder
	for _, p := range processes {
		b.WriteString("(" + p.Command + ") & ")
	}
	if b.Len() > 0 {
		b.WriteString("wait")
	}
	return b.String()
}

// passedOver are the setups of a zerops.yml none of which is for the service.
func passedOver(j job) (file string, setups []string) {
	f, err := readZerops(j)
	if err != nil || f == nil {
		return "", nil
	}
	if _, ok := f.Choose("", j.options.Service); ok {
		return "", nil
	}
	return f.Name, f.SetupNames()
}

// warnPassedOver says that a zerops.yml is there and has no say.
func (p *Plan) warnPassedOver(j job) {
	if file, setups := passedOver(j); file != "" {
		p.warn("%s is not used: none of its setups (%s) is named like the service %s; name one, or say --setup",
			file, strings.Join(setups, ", "), j.options.Service)
	}
}

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
	conf := strings.ReplaceAll(site{singlePage: true}.nginx(), siteFolder, root)
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
	s = strings.NewReplacer(`"`, `\"`, "\n", " ", "\r", " ").Replace(s)
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
