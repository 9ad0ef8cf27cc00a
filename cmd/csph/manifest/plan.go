package manifest

import (
	"fmt"
	"maps"
	"slices"

	"csph/platform"
)

// Action is what a change does.
type Action string

const (
	Create Action = "create"
	Update Action = "update"
	Deploy Action = "deploy"
	Delete Action = "delete"
)

// Change is one step of a plan. Before is what is there (not for Create), After what there will be (not for
// Delete); of them those are set that Kind says.
type Change struct {
	Action Action   `json:"action"`
	Kind   string   `json:"kind"` // project, environment, service, domain or volume
	Name   string   `json:"name"` // project, project/environment, project/environment/service, project/environment/volume, or the domain's
	Says   []string `json:"changes,omitempty"`

	EnvironmentBefore, EnvironmentAfter *Environment `json:"-"`
	ServiceBefore, ServiceAfter         *Service     `json:"-"`
	Service                             string       `json:"service,omitempty"` // that a domain leads to, or a volume is of, as project/environment/service
	Volume                              *Volume      `json:"-"`
}

// Plan is what makes have be like want, in an order that works: what contains comes before what is in it; deletions come
// last, the innermost first. With prune, what want does not name within its projects is deleted; projects never are.
func Plan(have, want File, prune bool) []Change {
	var changes, deletions []Change
	for _, p := range want.Projects {
		there, known := find(have.Projects, p.Name, Project.name)
		if !known {
			changes = append(changes, Change{Action: Create, Kind: "project", Name: p.Name})
			there = Project{Name: p.Name, Environments: []Environment{{Name: "production"}}} // comes with it
		}
		made, gone := planProject(there, p)
		changes = append(changes, made...)
		deletions = append(deletions, gone...)
	}
	if prune {
		changes = append(changes, deletions...)
	}
	return changes
}

func planProject(have, want Project) (changes, deletions []Change) {
	for _, e := range want.Environments {
		there, known := find(have.Environments, e.Name, Environment.name)
		name := want.Name + "/" + e.Name
		if !known {
			changes = append(changes, Change{Action: Create, Kind: "environment", Name: name, Says: envSays(nil, e.Env), EnvironmentAfter: &e})
		} else if e.Env != nil && !maps.Equal(there.Env, e.Env) {
			changes = append(changes, Change{Action: Update, Kind: "environment", Name: name, Says: envSays(there.Env, e.Env), EnvironmentBefore: &there, EnvironmentAfter: &e})
		}
		made, gone := planEnvironment(name, there, e)
		changes = append(changes, made...)
		deletions = append(deletions, gone...)
	}
	for _, e := range have.Environments {
		if _, kept := find(want.Environments, e.Name, Environment.name); kept {
			continue
		}
		name := want.Name + "/" + e.Name
		for _, s := range e.Services {
			deletions = append(deletions, Change{Action: Delete, Kind: "service", Name: name + "/" + s.Name, ServiceBefore: &s})
		}
		deletions = append(deletions, Change{Action: Delete, Kind: "environment", Name: name, EnvironmentBefore: &e})
	}
	return changes, deletions
}

func planEnvironment(name string, have, want Environment) (changes, deletions []Change) {
	for _, s := range want.Services {
		there, known := find(have.Services, s.Name, Service.name)
		path := name + "/" + s.Name
		says := serviceSays(there, s)
		switch {
		case !known:
			changes = append(changes, Change{Action: Create, Kind: "service", Name: path, Says: says, ServiceAfter: &s})
		case len(says) > 0:
			changes = append(changes, Change{Action: Update, Kind: "service", Name: path, Says: says, ServiceBefore: &there, ServiceAfter: &s})
		}
		made, gone := planDomains(path, there, s)
		changes, deletions = append(changes, made...), append(deletions, gone...)
		changes = append(changes, planVolumes(name, path, there, s)...)
		if s.Image != "" && s.Image != there.Image {
			changes = append(changes, Change{Action: Deploy, Kind: "service", Name: path, Says: []string{"image: " + s.Image}, ServiceBefore: &there, ServiceAfter: &s})
		}
	}
	for _, s := range have.Services {
		if _, kept := find(want.Services, s.Name, Service.name); !kept {
			deletions = append(deletions, Change{Action: Delete, Kind: "service", Name: name + "/" + s.Name, ServiceBefore: &s})
		}
	}
	return changes, deletions
}

// planDomains adds the domains of a service that are missing. Others of it go with --prune, unless it names none.
func planDomains(path string, have, want Service) (changes, deletions []Change) {
	for _, d := range want.Domains {
		if !slices.Contains(have.Domains, d) {
			changes = append(changes, Change{Action: Create, Kind: "domain", Name: d, Says: []string{"to " + path}, Service: path})
		}
	}
	if want.Domains == nil {
		return changes, nil
	}
	for _, d := range have.Domains {
		if !slices.Contains(want.Domains, d) {
			deletions = append(deletions, Change{Action: Delete, Kind: "domain", Name: d, Says: []string{"of " + path}, Service: path})
		}
	}
	return changes, deletions
}

// envSays tells how variables differ, by name only: values may be private.
func envSays(have, want map[string]string) []string {
	var says []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if old, ok := have[name]; !ok {
			says = append(says, "env: + "+name)
		} else if old != want[name] {
			says = append(says, "env: ~ "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			says = append(says, "env: - "+name)
		}
	}
	return says
}

// serviceSays tells what of a service would become different.
func serviceSays(have, want Service) []string {
	var says []string
	differs := func(what, was, is string) {
		if is != "" && is != was {
			says = append(says, fmt.Sprintf("%s: %s → %s", what, was, is))
		}
	}
	differs("shape", have.Shape, want.Shape)
	says = append(says, countSays(have, want)...)
	for _, o := range []struct {
		what    string
		was, is *string
	}{{"build", have.Build, want.Build}, {"run", have.Run, want.Run}, {"dir", have.Dir, want.Dir}, {"region", have.Region, want.Region}} {
		if o.is != nil && deref(o.was) != *o.is {
			says = append(says, fmt.Sprintf("%s: %q → %q", o.what, deref(o.was), *o.is))
		}
	}
	if want.Port != nil && (have.Port == nil || *have.Port != *want.Port) && (have.Port != nil || *want.Port != 0) {
		says = append(says, fmt.Sprintf("port: %d", *want.Port))
	}
	if want.Health != nil && (have.Health == nil || *have.Health != *want.Health) {
		says = append(says, "health: GET "+want.Health.Path)
	}
	if want.Env != nil {
		says = append(says, envSays(have.Env, want.Env)...)
	}
	return says
}

// countSays tells how the count, or what decides it, would become different.
func countSays(have, want Service) (says []string) {
	off := have.Autoscale != nil && want.Count != 0
	if off {
		says = append(says, "autoscale: off")
	}
	if want.Count != 0 && (off || have.Count != want.Count) {
		says = append(says, fmt.Sprintf("count: %d → %d", have.Count, want.Count))
	}
	if a := want.Autoscale; a != nil && (have.Autoscale == nil || *have.Autoscale != *a) {
		says = append(says, fmt.Sprintf("autoscale: %s", platform.Autoscale(*a)))
	}
	return says
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// Missing lists the secrets that a service of want should have and does not: they must be set by hand.
func Missing(have, want File) []string {
	var missing []string
	for _, p := range want.Projects {
		hp, _ := find(have.Projects, p.Name, Project.name)
		for _, e := range p.Environments {
			he, _ := find(hp.Environments, e.Name, Environment.name)
			for _, s := range e.Services {
				hs, _ := find(he.Services, s.Name, Service.name)
				for _, secret := range s.Secrets {
					if !slices.Contains(hs.Secrets, secret) {
						missing = append(missing, fmt.Sprintf("csph services set-secret %s/%s/%s %s", p.Name, e.Name, s.Name, secret))
					}
				}
			}
		}
	}
	return missing
}
