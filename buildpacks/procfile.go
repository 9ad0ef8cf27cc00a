package buildpacks

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Procfile is the process types of an app and their commands, in the order of the file.
type Procfile struct {
	Types    []string
	Commands map[string]string
}

// Web is the command of the web process type, or "".
func (p Procfile) Web() string { return p.Commands["web"] }

// releases tells whether a command is to run before each rollout.
func (p Procfile) releases() bool { return p.Commands["release"] != "" }

// ParseProcfile reads a Procfile, strictly: every line is `type: command`, blank, or a comment that starts
// with #. A type is letters, digits, - and _, named once. Anything else is a *SyntaxError with its line.
func ParseProcfile(content []byte) (Procfile, error) {
	p := Procfile{Commands: map[string]string{}}
	text := strings.TrimPrefix(string(content), "\ufeff")
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := p.add(line); err != nil {
			return Procfile{}, &SyntaxError{File: "Procfile", Line: i + 1, Problem: err.Error(),
				Advice: "write one `type: command` a line, for example `web: ./server`"}
		}
	}
	return p, nil
}

func (p *Procfile) add(line string) error {
	name, command, ok := strings.Cut(line, ":")
	command = strings.TrimSpace(command)
	switch {
	case !ok:
		return fmt.Errorf("%q has no colon", shorten(line))
	case !isProcessType(name):
		return fmt.Errorf("%q is not a process type: letters, digits, - and _ only", shorten(name))
	case command == "":
		return fmt.Errorf("process type %q has no command", name)
	case strings.ContainsRune(command, 0):
		return fmt.Errorf("the command of %q holds a NUL byte", name)
	case p.Commands[name] != "":
		return fmt.Errorf("process type %q is there twice", name)
	}
	p.Types = append(p.Types, name)
	p.Commands[name] = command
	return nil
}

func isProcessType(name string) bool {
	for _, r := range name {
		if !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return name != "" && len(name) <= 63
}

// readProcfile reads the Procfile of a folder, "" being the root, or else the root's.
func readProcfile(s source, dir string) (Procfile, error) {
	name := s.first(path.Join(dir, "Procfile"), "Procfile")
	content, ok, err := s.read(name)
	if err != nil || !ok {
		return Procfile{}, err
	}
	return ParseProcfile(content)
}

// from is the Procfile with its commands run in dir, the folder that it lies in.
func (p Procfile) from(dir string) Procfile {
	commands := make(map[string]string, len(p.Commands))
	for name, command := range p.Commands {
		commands[name] = lastReplacesShell(inDir(dir, command))
	}
	p.Commands = commands
	return p
}

// apply lays the process types over a plan: web starts it, release runs before the rollout.
func (p Procfile) apply(plan *Plan) {
	if len(p.Types) == 0 {
		return
	}
	plan.Processes = maps.Clone(p.Commands)
	if web := p.Web(); plan.serves(web) {
		plan.Processes["web"] = plan.Start
	} else if web != "" && web != plan.Start {
		plan.Start = web
		plan.decide("start: "+web, "web in the Procfile", "edit the Procfile, or --run 'CMD'")
	}
	if release := p.Commands["release"]; release != "" {
		plan.Release = release
		plan.decide("release: "+release, "release in the Procfile; runs after the build, before the rollout", "")
	}
	others := slices.DeleteFunc(slices.Clone(p.Types), func(t string) bool { return t == "web" || t == "release" })
	if len(others) > 0 {
		plan.decide("process types: "+strings.Join(others, ", "), "in the Procfile; they can be scaled as workers", "csph services create NAME --type worker --process "+others[0])
	}
}

// serves tells whether the plan already does what a command is for, though not by that command.
func (p *Plan) serves(command string) bool {
	_, ok := herokuRoot(command)
	return ok && p.Language == "php" && p.Start != ""
}

// take makes a process type what the plan starts. The release command belongs to web: it is not run once more for each
// service that the same source is deployed to.
func (p *Plan) take(process string) error {
	if process == "" || process == "web" {
		return nil
	}
	command := p.Processes[process]
	if command == "" || process == "release" {
		types := slices.DeleteFunc(slices.Sorted(maps.Keys(p.Processes)), func(t string) bool { return t == "release" })
		return &ProcessError{Process: process, Types: types}
	}
	p.Start, p.Release = command, ""
	p.decide("start: "+command, process+" in the Procfile, which the service runs", "csph services configure SERVICE --process TYPE")
	return nil
}

// ProcessError says that the process type to run is not in the Procfile.
type ProcessError struct {
	Process string
	Types   []string // those that are
}

func (e *ProcessError) Error() string {
	found := "there is no Procfile"
	if len(e.Types) > 0 {
		found = "there are " + strings.Join(e.Types, ", ")
	}
	return fmt.Sprintf("process type %q is not in the Procfile: %s\nAdd `%s: COMMAND` to it, choose another with --process, or give --run 'CMD'", shorten(e.Process), found, shorten(e.Process))
}

// shorten keeps foreign text in an error message readable.
func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
