package buildpacks

import "strings"

// startScript is what a source of no known language is started with.
const startScript = "start.sh"

// detectShell serves a source of no known language: the user gives its start, or it has a start.sh.
func detectShell(j job) (*Plan, error) {
	run, why := j.options.Run, "no language was detected, and the start command is given"
	if run == "" && j.procfile.Web() != "" {
		run = j.procfile.Web()
	}
	if run == "" && j.isFile(startScript) {
		run, why = "exec "+scriptShell(j.text(startScript))+" "+startScript, "no language was detected, and there is a "+startScript
	}
	if run == "" {
		return nil, nil
	}
	p := &Plan{Language: "shell", Start: run, BuildImage: debianImage, RunImage: debianImage, User: runUser,
		BuildEnv: buildEnv("", nil), Env: runEnv("", nil),
		Copy: []Copy{{From: appFolder, To: appFolder, Exclude: []string{".git"}}}}
	p.decide("plain Debian 12", why, "add a Dockerfile")
	if j.options.Build != "" {
		p.Steps = []Step{{Name: "build", Command: j.options.Build}}
		p.decide("build: "+j.options.Build, "--build was given", "")
	}
	return p, nil
}

// scriptShell is the shell that a script's first line asks for: bash or sh, whether or not the file is executable.
func scriptShell(script string) string {
	first, _, _ := strings.Cut(script, "\n")
	if strings.HasPrefix(first, "#!") && strings.Contains(first, "bash") {
		return "bash"
	}
	return "sh"
}
