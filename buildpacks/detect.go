package buildpacks

import (
	"io/fs"
	"path"
)

// job is what one detector is given: the source, its Procfile and what the service overrides.
type job struct {
	source
	procfile Procfile
	options  Options
	nested   bool // the source is a folder of the one that was given
}

// detector is one language. detect returns nil and no error where the source is not of its language.
type detector struct {
	language string
	looks    []string // the files it looks for, as told to the user when nothing is detected
	detect   func(j job) (*Plan, error)
}

// detectors returns the languages in the order in which they are tried; the first match wins.
func detectors() []detector {
	return []detector{
		{"zerops", []string{"zerops.yml", "zerops.yaml"}, detectZerops},
		{"dockerfile", []string{"Dockerfile"}, detectDockerfile},
		{"go", []string{"go.mod", "go.work"}, detectGo},
		{"java", []string{"pom.xml"}, detectMaven},
		{"java", []string{"build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"}, detectGradle},
		{"scala", []string{"build.sbt"}, detectSbt},
		{"clojure", []string{"project.clj", "deps.edn"}, detectClojure},
		{"rust", []string{"Cargo.toml"}, detectRust},
		{"dotnet", []string{"*.sln", "*.slnx", "*.csproj", "*.fsproj", "*.vbproj"}, detectDotnet},
		{"elixir", []string{"mix.exs"}, detectElixir},
		{"php", []string{"composer.json", "index.php", "public/index.php"}, detectPHP},
		{"ruby", []string{"Gemfile", "config.ru"}, detectRuby},
		{"python", pythonFiles, detectPython},
		{"deno", []string{"deno.json", "deno.jsonc"}, detectDeno},
		{"bun", nil, detectBun},
		{"node", []string{"package.json"}, detectNode},
		{"java", nil, detectPlainJava},
		{"static", []string{"Staticfile", "index.html", "public/index.html"}, detectStatic},
		{"shell", []string{startScript}, detectShell},
	}
}

// Detect looks at a source and returns how it is built and started (SPEC section 3: zerops.yml, Dockerfile,
// then the language; o replaces the build and start commands of whatever is detected).
//
// It blocks for as long as reads of tree do and changes nothing. Errors: *NotDetectedError when nothing
// matches, *AmbiguousError when several programs could be the one to run, *VersionError when a wanted version
// is not offered, *zerops.Error when zerops.yml cannot be followed, *SyntaxError when another file that was found
// cannot be read as what it is. Each has a text for the user that says what to do next.
//
// With Dir the plan is for a folder of the source; *FolderError when it is none. Where nothing at the root is
// detected and there is one folder below that can be, the plan is for that.
func Detect(tree fs.FS, o Options) (Plan, error) {
	return detectFolder(job{source: source{tree}, options: o})
}

// detectHere tries the languages on the source of j.
func detectHere(j job) (Plan, error) {
	var err error
	if j.procfile, err = readProcfile(j.source, j.options.Dir); err != nil {
		return Plan{}, err
	}
	for _, d := range detectors() {
		p, err := d.detect(j)
		if j.options.Static && (err != nil || p != nil && p.Site == nil) {
			continue // something else may be a site
		}
		if err != nil {
			return Plan{}, err
		}
		if p != nil {
			return finish(j, p)
		}
	}
	if file, setups := passedOver(j); file != "" {
		return Plan{}, &AmbiguousError{What: "setups of " + file, Candidates: setups,
			Choose: []string{"name the service like one of them", "--setup NAME"}}
	}
	if j.nested {
		return Plan{}, notDetected(j)
	}
	p, err := detectBelow(j)
	if err != nil && j.options.Static {
		return Plan{}, errNoSite
	}
	return p, err
}

// finish lays the Procfile and the overrides over what was detected, and refuses a plan that starts nothing.
func finish(j job, p *Plan) (Plan, error) {
	if p.Zerops == nil { // zerops.yml says by itself what is started
		app, err := readAppJSON(j.source)
		if err != nil {
			return Plan{}, err
		}
		app.apply(p)
		if dir := j.options.Dir; (p.Language == "node" || p.Language == "bun") && dir != "" && j.isFile(path.Join(dir, "Procfile")) {
			j.procfile = j.procfile.from(dir) // members of their workspaces stay where they are in the run image
		}
		j.procfile.apply(p)
		p.warnPassedOver(j)
	}
	if err := p.take(j.options.Process); err != nil {
		return Plan{}, err
	}
	if run := j.options.Run; run != "" {
		p.Start = run
		p.decide("start: "+run, "--run was given", "")
	}
	p.settleSite()
	if j.options.Static && p.Site == nil {
		return Plan{}, errNoSite
	}
	if p.Start == "" && p.Dockerfile == "" && p.Site == nil {
		return Plan{}, noStart(p)
	}
	if p.Port == 0 {
		p.Port = fixedPort(p.Start)
		if p.Port != 0 {
			p.warn("the start command fixes port %d and ignores PORT", p.Port)
		}
	}
	return *p, nil
}
