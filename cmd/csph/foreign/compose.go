package foreign

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/goccy/go-yaml"

	"csph/cmd/csph/manifest"
	"csph/platform"
)

// composeFile is what is read of a Compose file (the Compose Specification).
type composeFile struct {
	Name     string                    `yaml:"name"`
	Services map[string]composeService `yaml:"services"`
}

type composeService struct {
	Image       string `yaml:"image"`
	Build       any    `yaml:"build"`
	Command     any    `yaml:"command"`
	Environment any    `yaml:"environment"`
	EnvFile     any    `yaml:"env_file"`
	Ports       []any  `yaml:"ports"`
	Expose      []any  `yaml:"expose"`
	Scale       int    `yaml:"scale"`
	MemLimit    string `yaml:"mem_limit"`
	CPUs        any    `yaml:"cpus"`
	Deploy      struct {
		Replicas  int `yaml:"replicas"`
		Resources struct {
			Limits struct {
				Memory string `yaml:"memory"`
				CPUs   any    `yaml:"cpus"`
			} `yaml:"limits"`
		} `yaml:"resources"`
	} `yaml:"deploy"`
	Volumes     []any `yaml:"volumes"`
	HealthCheck any   `yaml:"healthcheck"`
	Secrets     []any `yaml:"secrets"`
}

func compose(dir fs.FS, home string, text []byte) (App, error) {
	var f composeFile
	if err := yaml.Unmarshal(text, &f); err != nil {
		return App{}, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	app := App{Kind: "Compose file", Project: label(f.Name)}
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		s, err := f.Services[name].service(&app, dir, home, name)
		if err != nil {
			return app, fmt.Errorf("service %s: %w", name, err)
		}
		app.add(s)
	}
	return app, nil
}

func (c composeService) service(app *App, dir fs.FS, home, name string) (manifest.Service, error) {
	s := manifest.Service{Name: label(name), Image: c.Image, Count: max(c.Scale, c.Deploy.Replicas), Run: command(c.Command), Env: map[string]string{}}
	if err := c.variables(dir, home, &s); err != nil {
		return s, err
	}
	if s.Port = c.port(); s.Port == nil {
		s.Type = platform.Worker
		app.note("%s publishes no port, so that it becomes a worker: nothing reaches it by network", s.Name)
	}
	memory, err := units.RAMInBytes(orText(c.MemLimit, orText(c.Deploy.Resources.Limits.Memory, "0")))
	if err != nil {
		return s, fmt.Errorf("memory: %w", err)
	}
	cpus, err := strconv.ParseFloat(orText(text(c.CPUs), orText(text(c.Deploy.Resources.Limits.CPUs), "0")), 64)
	if err != nil {
		return s, fmt.Errorf("cpus: %w", err)
	}
	if memory > 0 || cpus > 0 {
		s.Shape = shapeFor(memory, int64(cpus*1000))
	}
	c.tell(app, home, &s)
	return s, nil
}

// tell notes what is left to be done.
func (c composeService) tell(app *App, home string, s *manifest.Service) {
	if c.Build != nil {
		s.Image = "" // what the build would be called
		app.note("%s is built from source: csph deploy %s --service %s", s.Name, path.Join(home, contextOf(c.Build)), s.Name)
	}
	if len(c.Volumes) > 0 {
		app.note("%s has volumes, which are not taken over: csph volumes create NAME --service %s --path /data makes one", s.Name, s.Name)
	}
	if c.HealthCheck != nil {
		app.note("%s has a health check of a command: csph services set-health --service %s --exec COMMAND", s.Name, s.Name)
	}
	if len(c.Secrets) > 0 {
		app.note("%s reads secrets from files; here they are variables: csph services set-secret --service %s NAME", s.Name, s.Name)
	}
}

func contextOf(build any) string {
	switch b := build.(type) {
	case string:
		return b
	case map[string]any:
		if context, ok := b["context"].(string); ok {
			return context
		}
	}
	return "."
}

// port is the first port of the container that is published or exposed.
func (c composeService) port() *int {
	for _, v := range append(slices.Clone(c.Ports), c.Expose...) {
		line := text(v)
		if long, ok := v.(map[string]any); ok {
			line = text(long["target"])
		}
		line, _, _ = strings.Cut(line, "/")
		line = line[strings.LastIndex(line, ":")+1:]
		first, _, _ := strings.Cut(line, "-")
		if n, err := strconv.Atoi(first); err == nil && n > 0 && n < 1<<16 {
			return &n
		}
	}
	return nil
}

// variables reads those of files first, then those of the service itself, which win.
func (c composeService) variables(dir fs.FS, home string, s *manifest.Service) error {
	for _, name := range listOf(c.EnvFile) {
		if long, ok := name.(map[string]any); ok {
			name = long["path"]
		}
		lines, err := read(dir, path.Join(home, text(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // left out of version control, as files with secrets are
		}
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(lines)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				set(s, line)
			}
		}
	}
	if all, ok := c.Environment.(map[string]any); ok {
		for name, value := range all {
			if value == nil {
				set(s, name)
			} else {
				set(s, name+"="+text(value))
			}
		}
	}
	for _, line := range listOf(c.Environment) {
		set(s, text(line))
	}
	return nil
}

func listOf(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case string:
		return []any{v}
	}
	return nil
}

// reference is a variable of the shell that ran Compose, with a default or without.
var reference = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?[^}]*\}|\$([A-Za-z_][A-Za-z0-9_]*)`)

// set takes NAME=VALUE over. One whose value comes from elsewhere is a secret that is to be set.
func set(s *manifest.Service, line string) {
	name, value, given := strings.Cut(line, "=")
	elsewhere := !given
	value = reference.ReplaceAllStringFunc(strings.Trim(value, `"'`), func(found string) string {
		if found == "$$" {
			return "$" // escaped
		}
		parts := reference.FindStringSubmatch(found)
		elsewhere = elsewhere || !strings.Contains(found, "-")
		return parts[2]
	})
	if elsewhere {
		delete(s.Env, name)
		s.Secrets = append(s.Secrets, name)
		return
	}
	s.Env[name] = value
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
