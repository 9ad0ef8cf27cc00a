package buildpacks

import (
	"fmt"
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
	return planZerops(j, z), j.lacksDeployed(z)
}

// lacksDeployed refuses deployFiles that name what is not there, where nothing is built that could make it.
func (j job) lacksDeployed(z *zerops.Plan) error {
	if len(z.BuildImages) > 0 {
		return nil // the build itself says so
	}
	for _, s := range z.DeployFiles {
		if name := s.Pattern(); name != "." && !strings.ContainsAny(name, `*?[\`) && !j.isFile(name) && !j.isDir(name) {
			return &IncompleteError{Language: z.File, Missing: "deployFiles names " + s.As + ", which is not in the source, and nothing is built",
				Advice: "correct deployFiles, or add base and buildCommands to the build section"}
		}
	}
	return nil
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
	p := &Plan{Language: "zerops", Framework: z.Run.Base, Port: z.WebPort(), User: runUser, Zerops: z,
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
		z.StartWith(run)
		p.RunImage = z.RunImage.Name
	}
	for _, n := range z.Notes {
		p.decide(n.What, n.Why, n.Override)
	}
	p.Warnings = z.Warnings
	z.Notes, z.Warnings = nil, nil
	p.Start = shellOf(z.Run.Processes())
	switch {
	case p.Start != "":
	case z.Static():
		p.serveZerops(z)
	case strings.HasPrefix(z.Run.Base, "php-nginx"):
		p.serveNginxPHP(z)
	default:
		p.servePHP(z)
	}
	p.slimmed()
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

// explainZerops lists the commands of zerops.yml in the order in which they run.
func (p *Plan) explainZerops(b *strings.Builder) {
	if p.Zerops == nil {
		return
	}
	for _, image := range p.Zerops.BuildImages {
		fmt.Fprintf(b, "\nBuild in %s", image.Name)
	}
	if len(p.Zerops.BuildImages) > 0 {
		b.WriteString("\n")
	}
	for _, group := range []struct {
		name     string
		commands []string
	}{{"build.prepareCommands", p.Zerops.PrepareCommands}, {"build.buildCommands", p.Zerops.BuildCommands}, {"run.prepareCommands", p.Zerops.RunPrepare}, {"run.initCommands", p.Zerops.Run.InitCommands}} {
		for i, command := range group.commands {
			fmt.Fprintf(b, "  %s %d: %s\n", group.name, i+1, firstLine(command))
		}
	}
	for _, s := range p.Zerops.DeployFiles {
		fmt.Fprintf(b, "  deploy %s\n", s.As)
	}
}
