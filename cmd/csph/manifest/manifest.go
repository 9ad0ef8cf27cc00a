package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"csph/platform"
)

// File is csph.yaml. What a service leaves out stays as it is; a map of variables that is there is all of them.
type File struct {
	Projects []Project `yaml:"projects" json:"projects"`
}

// Project is one project and what is in it.
type Project struct {
	Name         string        `yaml:"name" json:"name"`
	Environments []Environment `yaml:"environments,omitempty" json:"environments,omitempty"`
}

// Environment is one environment, the variables that its services inherit, and those services.
type Environment struct {
	Name     string            `yaml:"name" json:"name"`
	Env      map[string]string `yaml:"env,omitempty" json:"env,omitempty"`
	Services []Service         `yaml:"services,omitempty" json:"services,omitempty"`
}

// Service is one service. Secrets are named only: their values are in no file.
type Service struct {
	Name  string               `yaml:"name" json:"name"`
	Type  platform.ServiceType `yaml:"type,omitempty" json:"type,omitempty"`
	Image string               `yaml:"image,omitempty" json:"image,omitempty"` // deployed when another one is live
	Shape string               `yaml:"shape,omitempty" json:"shape,omitempty"`
	Count int                  `yaml:"count,omitempty" json:"count,omitempty"` // turns autoscaling off
	// Autoscale lets CPU use decide the count, instead of Count.
	Autoscale *Autoscale `yaml:"autoscale,omitempty" json:"autoscale,omitempty"`
	Region    *string    `yaml:"region,omitempty" json:"region,omitempty"`

	Port    *int              `yaml:"port,omitempty" json:"port,omitempty"`
	Build   *string           `yaml:"build,omitempty" json:"build,omitempty"`
	Run     *string           `yaml:"run,omitempty" json:"run,omitempty"`
	Dir     *string           `yaml:"dir,omitempty" json:"dir,omitempty"`
	Env     map[string]string `yaml:"env,omitempty" json:"env,omitempty"`
	Secrets []string          `yaml:"secrets,omitempty" json:"secrets,omitempty"`
	Health  *Health           `yaml:"health,omitempty" json:"health,omitempty"`
	Domains []string          `yaml:"domains,omitempty" json:"domains,omitempty"`
	Volumes []Volume          `yaml:"volumes,omitempty" json:"volumes,omitempty"`
}

// Autoscale is how CPU use decides the count (csph services autoscale).
type Autoscale struct {
	Min int `yaml:"min,omitempty" json:"min,omitempty"` // default 1
	Max int `yaml:"max" json:"max"`
	CPU int `yaml:"cpu,omitempty" json:"cpu,omitempty"` // percent; default 70
}

// Health is the check that a new version must pass (csph services set-health).
type Health struct {
	Path    string `yaml:"path" json:"path"`
	Port    int    `yaml:"port,omitempty" json:"port,omitempty"`
	Host    string `yaml:"host,omitempty" json:"host,omitempty"`
	Timeout string `yaml:"timeout,omitempty" json:"timeout,omitempty"` // as 60s
	Period  string `yaml:"period,omitempty" json:"period,omitempty"`
}

// Parse reads a file. Errors name the line.
func Parse(text []byte) (File, error) {
	var f File
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return File{}, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	return f, f.check()
}

// Encode writes a file that Parse reads back.
func Encode(f File) ([]byte, error) { return yaml.Marshal(f) }

// check refuses what has no name, or is there twice.
func (f File) check() error {
	seen := map[string]bool{}
	note := func(kind, name, path string) error {
		switch {
		case name == "":
			return fmt.Errorf("a %s has no name (%s)", kind, path)
		case seen[kind+path]:
			return fmt.Errorf("the %s %s is there twice", kind, path)
		}
		seen[kind+path] = true
		return nil
	}
	for _, p := range f.Projects {
		if err := note("project", p.Name, p.Name); err != nil {
			return err
		}
		for _, e := range p.Environments {
			if err := note("environment", e.Name, p.Name+"/"+e.Name); err != nil {
				return err
			}
			for _, s := range e.Services {
				path := p.Name + "/" + e.Name + "/" + s.Name
				if err := errors.Join(note("service", s.Name, path), s.Health.normalise(path), s.autoscale(path), s.checkVolumes(path)); err != nil {
					return err
				}
				for _, d := range s.Domains {
					if err := note("domain", d, d); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// normalise gives durations the one form that they are compared in.
func (h *Health) normalise(service string) error {
	if h == nil {
		return nil
	}
	for _, text := range []*string{&h.Timeout, &h.Period} {
		if *text == "" {
			continue
		}
		d, err := time.ParseDuration(*text)
		if err != nil || d <= 0 {
			return fmt.Errorf("health of service %s: %q is no duration; write 60s or 5m", service, *text)
		}
		*text = d.String()
	}
	return nil
}

// autoscale fills in what autoscaling leaves out, so that it can be compared, and refuses it where it cannot be meant.
func (s Service) autoscale(path string) error {
	a := s.Autoscale
	if a == nil {
		return nil
	}
	if s.Count != 0 {
		return fmt.Errorf("service %s has a count and autoscaling, which decides the count; leave one of them out", path)
	}
	a.Min, a.CPU = cmp.Or(a.Min, platform.DefaultAutoscaleMin), cmp.Or(a.CPU, platform.DefaultAutoscaleCPU)
	if err := (platform.Autoscale(*a)).Check(); err != nil {
		return fmt.Errorf("service %s: %w", path, err)
	}
	return nil
}

// find returns the element of that name; false when there is none.
func find[T any](all []T, name string, nameOf func(T) string) (T, bool) {
	i := slices.IndexFunc(all, func(v T) bool { return nameOf(v) == name })
	if i < 0 {
		var none T
		return none, false
	}
	return all[i], true
}

func (p Project) name() string     { return p.Name }
func (e Environment) name() string { return e.Name }
func (s Service) name() string     { return s.Name }
