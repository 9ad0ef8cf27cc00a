package foreign

import (
	"fmt"
	"maps"
	"slices"

	"github.com/BurntSushi/toml"
	"github.com/docker/go-units"

	"csph/cmd/csph/manifest"
	"csph/platform"
)

// flyFile is what is read of fly.toml.
type flyFile struct {
	App   string `toml:"app"`
	Build struct {
		Image string `toml:"image"`
	} `toml:"build"`
	Env       map[string]any    `toml:"env"`
	Processes map[string]string `toml:"processes"`
	HTTP      *struct {
		InternalPort int `toml:"internal_port"`
		MinRunning   int `toml:"min_machines_running"`
		Checks       []struct {
			Path string `toml:"path"`
		} `toml:"checks"`
	} `toml:"http_service"`
	VM []struct {
		Memory string `toml:"memory"`
		CPUs   int    `toml:"cpus"`
	} `toml:"vm"`
	Mounts any `toml:"mounts"`
}

// fly takes a fly.toml over. Its process groups are services; app (or web) is the one that is reached by HTTP.
func fly(content []byte) (App, error) {
	var f flyFile
	if err := toml.Unmarshal(content, &f); err != nil {
		return App{}, err
	}
	app := App{Kind: "fly.toml"}
	if len(f.Processes) == 0 {
		f.Processes = map[string]string{"app": ""}
	}
	for _, group := range slices.Sorted(maps.Keys(f.Processes)) {
		s, err := f.service(group)
		if err != nil {
			return app, err
		}
		app.add(s)
		if s.Image == "" {
			app.note("%s is deployed from source: csph deploy . --service %s", s.Name, s.Name)
		}
	}
	if f.Mounts != nil {
		app.note("volumes are not taken over: csph volumes create NAME --service SERVICE --path /data makes one")
	}
	return app, nil
}

func (f flyFile) service(group string) (manifest.Service, error) {
	s := manifest.Service{Name: label(orText(f.App, "app")), Image: f.Build.Image, Run: command(f.Processes[group]), Env: map[string]string{}}
	for name, value := range f.Env {
		s.Env[name] = text(value)
	}
	if group != "app" && group != "web" && len(f.Processes) > 1 || f.HTTP == nil {
		s.Type = platform.Worker
	}
	if group != "app" && group != "web" {
		s.Name += "-" + label(group)
	}
	if s.Type != platform.Worker {
		port := f.HTTP.InternalPort
		s.Port, s.Count = &port, f.HTTP.MinRunning
		for _, check := range f.HTTP.Checks {
			s.Health = &manifest.Health{Path: check.Path}
		}
	}
	for _, vm := range f.VM {
		memory, err := units.RAMInBytes(orText(vm.Memory, "0"))
		if err != nil {
			return s, fmt.Errorf("memory: %w", err)
		}
		s.Shape = shapeFor(memory, int64(vm.CPUs)*1000)
	}
	return s, nil
}
