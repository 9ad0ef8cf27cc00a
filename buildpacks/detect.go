package buildpacks

import "io/fs"

// job is what one detector is given: the source, its Procfile and what the service overrides.
type job struct {
	source
	procfile Procfile
	options  Options
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
		{"node", []string{"package.json"}, detectNode},
		{"static", []string{"Staticfile", "index.html", "public/index.html"}, detectStatic},
		{"shell", nil, detectShell},
	}
}

// Detect looks at a source and returns how it is built and started (SPEC section 3: zerops.yml, Dockerfile,
// then the language; o replaces the build and start commands of whatever is detected).
//
// It blocks for as long as reads of tree do and changes nothing. Errors: *NotDetectedError when nothing
// matches, *AmbiguousError when several programs could be the one to run, *VersionError when a wanted version
// is not offered, *SyntaxError when a file that was found cannot be read as what it is. Each has a text for
// the user that says what to do next.
func Detect(tree fs.FS, o Options) (Plan, error) {
	j := job{source: source{tree}, options: o}
	var err error
	if j.procfile, err = readProcfile(j.source); err != nil {
		return Plan{}, err
	}
	for _, d := range detectors() {
		p, err := d.detect(j)
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
	return Plan{}, notDetected(j)
}

// finish lays the Procfile and the overrides over what was detected, and refuses a plan that starts nothing.
func finish(j job, p *Plan) (Plan, error) {
	if p.Zerops == nil { // zerops.yml says by itself what is started
		j.procfile.apply(p)
		p.warnPassedOver(j)
	}
	if run := j.options.Run; run != "" {
		p.Start = run
		p.decide("start: "+run, "--run was given", "")
	}
	if p.Start == "" && p.Dockerfile == "" {
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
