package buildpacks

import (
	"fmt"
	"maps"
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

func readProcfile(s source) (Procfile, error) {
	content, ok, err := s.read("Procfile")
	if err != nil || !ok {
		return Procfile{}, err
	}
	return ParseProcfile(content)
}

// apply lays the process types over a plan: web starts it, release runs before the rollout.
func (p Procfile) apply(plan *Plan) {
	if len(p.Types) == 0 {
		return
	}
	plan.Processes = maps.Clone(p.Commands)
	if web := p.Web(); web != "" && web != plan.Start {
		plan.Start = web
		plan.decide("start: "+web, "web in the Procfile", "edit the Procfile, or --run 'CMD'")
	}
	if release := p.Commands["release"]; release != "" {
		plan.Release = release
		plan.decide("release: "+release, "release in the Procfile; runs after the build, before the rollout", "")
	}
	others := slices.DeleteFunc(slices.Clone(p.Types), func(t string) bool { return t == "web" || t == "release" })
	if len(others) > 0 {
		plan.decide("process types: "+strings.Join(others, ", "), "in the Procfile; they can be scaled as workers", "")
	}
}

// shorten keeps foreign text in an error message readable.
func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
