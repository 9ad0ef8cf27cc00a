package zerops

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Folders of the build container and of the run image.
const (
	SourceFolder  = "/build/source"
	CacheFolder   = "/build/cache"
	PrepareFolder = "/home/zerops"
	DeployFolder  = "/var/www"
)

// Plan is how a setup is built and run: plain data, which the builder and the orchestrator follow.
type Plan struct {
	File  string `json:"file"`
	Setup string `json:"setup"`

	// BuildImages are the bases of the build container, the first one's files over the others'. None: nothing is
	// built, and what is deployed comes from the source as it is.
	BuildImages     []Image           `json:"build_images,omitempty"`
	BuildEnv        map[string]string `json:"build_env,omitempty"`
	PrepareCommands []string          `json:"prepare_commands,omitempty"` // in PrepareFolder
	BuildCommands   []string          `json:"build_commands,omitempty"`   // in SourceFolder
	DeployFiles     []Selection       `json:"deploy_files"`
	Ignore          []string          `json:"ignore,omitempty"` // of what is deployed; patterns of .dockerignore
	Cache           Cache             `json:"cache,omitzero"`
	// PackageCaches are folders of package managers that are kept between builds, outside of SourceFolder.
	PackageCaches []string `json:"package_caches,omitempty"`
	// CacheKey changes when one of the keys does whose change makes the cache invalid: base, os, prepareCommands, cache.
	CacheKey string `json:"cache_key,omitempty"`
	// Cleared changes each time the service's caches are cleared by hand, which makes both layers of the cache and the
	// prepared run image invalid. The builder fills it in.
	Cleared string `json:"cleared,omitempty"`

	RunImage        Image       `json:"run_image"`
	RunPrepare      []string    `json:"run_prepare,omitempty"`        // run.prepareCommands, in PrepareFolder
	AddToRunPrepare []Selection `json:"add_to_run_prepare,omitempty"` // to PrepareFolder, for RunPrepare

	Run    Run    `json:"run"` // references to BUILD_ variables are filled in
	Deploy Deploy `json:"deploy,omitzero"`

	Notes    []Note   `json:"notes,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Note is one line of a plan's explanation.
type Note struct {
	What     string `json:"what"`
	Why      string `json:"why"`
	Override string `json:"override,omitempty"`
}

// WebPort is the port that requests go to: that of run.ports, else the one that the service's own checks ask, else 0.
func (p *Plan) WebPort() int {
	if port := p.Run.webPort(); port != 0 {
		return port
	}
	if c := p.Deploy.ReadinessCheck; c != nil && c.HTTPGet != nil {
		return c.HTTPGet.Port
	}
	if c := p.Run.HealthCheck; c != nil && c.HTTPGet != nil {
		return c.HTTPGet.Port
	}
	return 0
}

// BuiltIn reports whether the run image starts by itself: static, nginx, and PHP with Apache or nginx.
func (p *Plan) BuiltIn() bool {
	t, problem, _ := parseBase(p.Run.Base)
	return problem == "" && t.builtIn
}

// Static reports whether the run image serves files as they are.
func (p *Plan) Static() bool {
	return strings.HasPrefix(p.Run.Base, "static") || strings.HasPrefix(p.Run.Base, "nginx")
}

// Plan says how s is built and run; ignore is the content of .deployignore. An *Error says what s lacks.
func (f *File) Plan(s *Setup, ignore []byte) (*Plan, error) {
	p := &Plan{File: f.Name, Setup: s.Name, Run: s.Run, Deploy: s.Deploy, RunPrepare: s.Run.PrepareCommands, Ignore: Ignore(ignore)}
	if problems := f.lacks(s); len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	p.planBuild(s)
	p.planRun(s)
	p.shareEnv(s)
	p.warnOfStart()
	p.warnOfTool()
	return p, nil
}

// lacks lists what a setup must have and has not.
func (f *File) lacks(s *Setup) []Problem {
	var problems []Problem
	lack := func(path, text, advice string) {
		problems = append(problems, Problem{File: f.Name, Line: s.line, Column: s.column, Path: path, Text: "setup " + s.Name + ": " + text, Advice: advice})
	}
	if b := s.Build; b != nil {
		if len(b.Base) == 0 && len(b.PrepareCommands)+len(b.BuildCommands) > 0 {
			lack("build.base", "is missing", "say what it is built in, for example nodejs@22")
		}
		if len(b.DeployFiles) == 0 {
			lack("build.deployFiles", "is missing", "without it nothing reaches "+DeployFolder+"; ./ deploys everything")
		}
	}
	base := s.runBase()
	if base == "" {
		lack("run.base", "is missing", "say what it runs in, for example nodejs@22")
		return problems
	}
	if t, problem, _ := parseBase(base); problem == "" && !t.builtIn && len(s.Run.Processes()) == 0 {
		lack("run.start", "is missing", "say what starts the service")
	}
	return problems
}

func (s *Setup) runBase() string {
	if s.Run.Base == "" && s.Build != nil && len(s.Build.Base) > 0 {
		return s.Build.Base[0]
	}
	return s.Run.Base
}

func (p *Plan) planBuild(s *Setup) {
	b := s.Build
	if b == nil {
		p.DeployFiles = []Selection{{As: ".", Match: "."}}
		p.note("the source is deployed as it is", "the setup has no build section", "add build with base, buildCommands and deployFiles")
		return
	}
	for _, written := range b.Base {
		t, _, _ := parseBase(written)
		if t.inBuild != "" {
			t.family, _ = familyNamed(t.inBuild)
		}
		image := t.image(b.OS, true, false)
		p.BuildImages = append(p.BuildImages, image)
		p.PackageCaches = append(p.PackageCaches, t.caches...)
		p.note("build in "+short(image.Name), "build.base is "+written+osNote(b.OS), "build.base and build.os in "+p.File)
	}
	if len(b.Base) == 0 {
		p.note("nothing is built", "the build section has no commands", "add base and buildCommands to it")
	}
	slices.Sort(p.PackageCaches)
	p.PackageCaches = slices.Compact(p.PackageCaches)
	p.PrepareCommands, p.BuildCommands = b.PrepareCommands, b.BuildCommands
	p.DeployFiles, p.AddToRunPrepare = selectionsOf(b.DeployFiles), selectionsOf(b.AddToRunPrepare)
	p.Cache, p.CacheKey = b.Cache, cacheKey(b)
	if len(p.RunPrepare) == 0 && len(p.AddToRunPrepare) > 0 {
		p.Warnings = append(p.Warnings, "build.addToRunPrepare has no effect without run.prepareCommands")
	}
	p.warnOfPrepare()
	if b.Cache.Any() {
		p.note("kept between builds: "+b.Cache.String(), "build.cache", "")
	}
}

// String lists what is cached.
func (c Cache) String() string {
	if c.All {
		return "the whole build container"
	}
	return strings.Join(c.Paths, ", ")
}

func osNote(os string) string {
	if os == "" {
		return " and build.os is alpine, the default"
	}
	return " and build.os is " + os
}

func selectionsOf(written []string) []Selection {
	var all []Selection
	for _, w := range written {
		s, _ := selection(w) // checked when the file was read
		all = append(all, s)
	}
	return all
}

// cacheKey digests what makes the cache of a build invalid when it changes.
func cacheKey(b *Build) string {
	text, err := json.Marshal([]any{b.Base, cmp.Or(b.OS, "alpine"), b.PrepareCommands, b.Cache})
	if err != nil {
		return "" // texts and booleans can always be encoded
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func (p *Plan) planRun(s *Setup) {
	p.Run.Base = s.runBase()
	t, _, _ := parseBase(p.Run.Base)
	os := s.Run.OS
	if os == "" && s.Run.Base == "" && s.Build != nil {
		os = s.Build.OS
	}
	plain := t.bare != "" && !calls(p.Run, t.bare)
	p.RunImage = t.image(os, false, plain)
	if t.name == "static" && !p.needsShell() {
		p.RunImage = Image{} // nothing but the site
		return
	}
	why := "run.base is " + p.Run.Base
	if s.Run.Base == "" {
		why = "run.base is not there; it is the first of build.base, " + p.Run.Base
	}
	if plain {
		why += ", and no command of the run section calls " + t.bare
	}
	p.note("run in "+short(p.RunImage.Name), why, "run.base and run.os in "+p.File)
	for _, process := range p.Run.Processes() {
		p.note("start: "+firstLine(process.String()), "run.start or run.startCommands", "")
	}
	for _, port := range p.Run.Ports {
		if port.Protocol == "UDP" {
			p.Warnings = append(p.Warnings, fmt.Sprintf("run.ports: UDP port %d is reachable by other services only, nothing is routed to it", port.Port))
		}
	}
}

// needsShell reports whether anything but the service itself is started in its spherelets.
func (p *Plan) needsShell() bool {
	v, ready := p.Run, p.Deploy.ReadinessCheck
	return len(p.RunPrepare)+len(v.InitCommands)+len(v.Processes())+len(v.Crontab) > 0 || v.EnvReplace != nil ||
		v.HealthCheck != nil && v.HealthCheck.Exec != "" || ready != nil && ready.Exec != ""
}

// StartWith replaces what the setup starts.
func (p *Plan) StartWith(command string) {
	p.Run.Start, p.Run.StartCommands = command, nil
	if p.RunImage.Name == "" {
		p.RunImage = Image{Name: debianImage}
	}
}

// calls reports whether a command of the run section calls a tool.
func calls(v Run, tool string) bool {
	return slices.ContainsFunc(slices.Concat(v.PrepareCommands, v.commands()), func(c string) bool { return callsTool(c, tool) })
}

// commands are all that a spherelet runs.
func (v Run) commands() []string {
	commands := slices.Clone(v.InitCommands)
	for _, process := range v.Processes() {
		commands = append(append(commands, process.Command), process.InitCommands...)
	}
	for _, c := range v.Crontab {
		commands = append(commands, c.Command)
	}
	return commands
}

// callsTool reports whether tool is a word of a command.
func callsTool(command, tool string) bool {
	return slices.Contains(strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()'\"", r) }), tool)
}

var shared = regexp.MustCompile(`\$\{(BUILD|RUNTIME)_([A-Za-z0-9_]+)\}`)

// shareEnv fills in what the variables of one stage take from the other: ${RUNTIME_X} in build.envVariables is X of
// run.envVariables, ${BUILD_X} in run.envVariables is X of build.envVariables. What is not there stays as it is.
func (p *Plan) shareEnv(s *Setup) {
	var build map[string]string
	if s.Build != nil {
		build = s.Build.Env
	}
	p.BuildEnv = filledIn(build, "RUNTIME", s.Run.Env)
	p.Run.Env = filledIn(s.Run.Env, "BUILD", build)
}

func filledIn(env map[string]string, prefix string, other map[string]string) map[string]string {
	out := maps.Clone(env)
	for k, v := range out {
		out[k] = shared.ReplaceAllStringFunc(v, func(reference string) string {
			m := shared.FindStringSubmatch(reference)
			if value, ok := other[m[2]]; ok && m[1] == prefix {
				return value
			}
			return reference
		})
	}
	return out
}

// warnOfPrepare warns where prepareCommands read the source: a change of it does not make them run again.
func (p *Plan) warnOfPrepare() {
	for i, command := range p.PrepareCommands {
		if strings.Contains(command, SourceFolder) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("build.prepareCommands[%d] reads %s, but is skipped while the cache is valid, whatever changes in the source: what depends on the source belongs into buildCommands",
				i, SourceFolder))
		}
	}
}

// warnOfTool warns where commands call zsc, the tool that containers have on Zerops and nowhere else.
func (p *Plan) warnOfTool() {
	all := slices.Concat(p.PrepareCommands, p.BuildCommands, p.RunPrepare, p.Run.commands())
	if i := slices.IndexFunc(all, func(c string) bool { return callsTool(c, "zsc") }); i >= 0 {
		p.Warnings = append(p.Warnings, "the command \""+firstLine(all[i])+"\" calls zsc, Zerops' own tool, which is not there: what runs once for a deployment, such as migrations, "+
			"goes into a service's own command (csph run), tools into prepareCommands by their package managers")
	}
}

// warnOfStart warns where run.start names a path that ~ in deployFiles has shortened: the most common mistake.
func (p *Plan) warnOfStart() {
	for _, process := range p.Run.Processes() {
		if written, instead := misplaced(process.Command, p.DeployFiles); written != "" {
			p.Warnings = append(p.Warnings, fmt.Sprintf("run.start names %s, but deployFiles strips the folders before ~: at run time the file is %s/%s. Start it as %s, or deploy the folder without ~",
				written, DeployFolder, instead, instead))
		}
	}
}

func (p *Plan) note(what, why, override string) {
	p.Notes = append(p.Notes, Note{What: what, Why: why, Override: override})
}

// short is an image name as people write it.
func short(image string) string {
	return strings.TrimPrefix(strings.TrimPrefix(image, "docker.io/"), "library/")
}

func firstLine(command string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(command), "\n")
	if rest != "" {
		line += " …"
	}
	return line
}
