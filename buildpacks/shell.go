package buildpacks

// detectShell serves a source of no known language whose build and start the user gives.
func detectShell(j job) (*Plan, error) {
	run := j.options.Run
	if run == "" {
		return nil, nil
	}
	p := &Plan{Language: "shell", Start: run, BuildImage: debianImage, RunImage: debianImage, User: runUser,
		BuildEnv: buildEnv("", nil), Env: runEnv("", nil),
		Copy: []Copy{{From: appFolder, To: appFolder, Exclude: []string{".git"}}}}
	p.decide("plain Debian 12", "no language was detected, and the start command is given", "add a Dockerfile")
	if j.options.Build != "" {
		p.Steps = []Step{{Name: "build", Command: j.options.Build}}
		p.decide("build: "+j.options.Build, "--build was given", "")
	}
	return p, nil
}
