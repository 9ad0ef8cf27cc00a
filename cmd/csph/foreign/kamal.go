package foreign

import (
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"

	"csph/cmd/csph/manifest"
	"csph/platform"
)

// kamalFile is what is read of config/deploy.yml.
type kamalFile struct {
	Service string   `yaml:"service"`
	Servers any      `yaml:"servers"`
	Env     kamalEnv `yaml:"env"`
	Proxy   struct {
		Host        string   `yaml:"host"`
		Hosts       []string `yaml:"hosts"`
		AppPort     int      `yaml:"app_port"`
		HealthCheck struct {
			Path string `yaml:"path"`
		} `yaml:"healthcheck"`
	} `yaml:"proxy"`
	Accessories map[string]struct {
		Image string   `yaml:"image"`
		Env   kamalEnv `yaml:"env"`
		Cmd   string   `yaml:"cmd"`
	} `yaml:"accessories"`
}

type kamalEnv struct {
	Clear  map[string]any `yaml:"clear"`
	Secret []string       `yaml:"secret"`
}

func (e kamalEnv) to(s *manifest.Service) {
	s.Env = map[string]string{}
	for name, value := range e.Clear {
		s.Env[name] = text(value)
	}
	s.Secrets = slices.Clone(e.Secret)
}

// kamal takes a configuration of Kamal over: its roles are services, its servers a count.
func kamal(content []byte) (App, error) {
	var f kamalFile
	if err := yaml.Unmarshal(content, &f); err != nil {
		return App{}, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	app := App{Kind: "configuration of Kamal"}
	for _, role := range rolesOf(f.Servers) {
		s := manifest.Service{Name: label(f.Service), Count: role.count, Run: command(role.cmd)}
		f.Env.to(&s)
		if role.name == "web" {
			f.front(&s)
		} else {
			s.Name, s.Type = label(f.Service+"-"+role.name), platform.Worker
		}
		app.add(s)
		app.note("%s is built from its Dockerfile: csph deploy . --service %s", s.Name, s.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Accessories)) {
		s := manifest.Service{Name: label(f.Service + "-" + name), Type: platform.Worker, Image: f.Accessories[name].Image, Run: command(f.Accessories[name].Cmd)}
		f.Accessories[name].Env.to(&s)
		app.add(s)
		app.note("accessory %s becomes a worker, which nothing reaches by network, and without its data: run a database elsewhere, and set its URL with csph services set-secret", s.Name)
	}
	return app, nil
}

// front takes over what Kamal's proxy does.
func (f kamalFile) front(s *manifest.Service) {
	port := 80 // Kamal's own default
	if f.Proxy.AppPort != 0 {
		port = f.Proxy.AppPort
	}
	s.Port = &port
	path := "/up" // as well
	if f.Proxy.HealthCheck.Path != "" {
		path = f.Proxy.HealthCheck.Path
	}
	s.Health = &manifest.Health{Path: path}
	s.Domains = slices.Clone(f.Proxy.Hosts)
	if f.Proxy.Host != "" {
		s.Domains = append(s.Domains, f.Proxy.Host)
	}
}

type kamalRole struct {
	name  string
	count int
	cmd   any
}

// rolesOf reads servers: a list of hosts, or roles with hosts each.
func rolesOf(servers any) []kamalRole {
	byRole, ok := servers.(map[string]any)
	if !ok {
		return []kamalRole{{name: "web", count: max(len(listOf(servers)), 1)}}
	}
	var roles []kamalRole
	for _, name := range slices.Sorted(maps.Keys(byRole)) {
		role := kamalRole{name: name, count: max(len(listOf(byRole[name])), 1)}
		if long, ok := byRole[name].(map[string]any); ok {
			role.count, role.cmd = max(len(listOf(long["hosts"])), 1), long["cmd"]
		}
		roles = append(roles, role)
	}
	return roles
}
