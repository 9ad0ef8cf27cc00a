package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"csph/cmd/csph/manifest"
	"csph/platform"
)

// herokuFile is what is read of app.json.
type herokuFile struct {
	Name      string         `json:"name"`
	Env       map[string]any `json:"env"`
	Addons    []any          `json:"addons"`
	Formation map[string]struct {
		Quantity *int   `json:"quantity"`
		Size     string `json:"size"`
	} `json:"formation"`
}

// heroku takes an app.json over, and the types of the Procfile beside it: web as it is, others as workers. release is csph's as well.
func heroku(dir fs.FS, home string, content []byte) (App, error) {
	var f herokuFile
	if err := json.Unmarshal(content, &f); err != nil {
		return App{}, err
	}
	app := App{Kind: "app.json"}
	processes, err := procfile(dir, home)
	if err != nil {
		return app, err
	}
	name := label(orText(f.Name, "web"))
	for _, kind := range slices.Sorted(maps.Keys(processes)) {
		s := manifest.Service{Name: name, Env: map[string]string{}}
		f.variables(&s)
		if kind != "web" {
			line := processes[kind]
			s.Name, s.Type, s.Run = label(name+"-"+kind), platform.Worker, &line
		}
		if size, ok := f.Formation[kind]; ok {
			s.Shape = dyno(size.Size)
			if size.Quantity != nil {
				s.Count = max(*size.Quantity, 1)
			}
		}
		app.add(s)
		app.note("%s is deployed from source: csph deploy %s --service %s", s.Name, home, s.Name)
	}
	for _, addon := range f.Addons {
		if long, ok := addon.(map[string]any); ok {
			addon = long["plan"]
		}
		app.note("add-on %s is not provided here: run it elsewhere, and set its URL with csph services set-secret", text(addon))
	}
	return app, nil
}

// variables takes env over: with a value it is a variable, without one a secret that is to be set.
func (f herokuFile) variables(s *manifest.Service) {
	for name, v := range f.Env {
		if long, ok := v.(map[string]any); ok {
			v = long["value"]
			if optional, ok := long["required"].(bool); ok && !optional && v == nil {
				continue
			}
		}
		if v == nil {
			s.Secrets = append(s.Secrets, name)
			continue
		}
		s.Env[name] = text(v)
	}
}

// dyno is the shape for a size of Heroku's, by its memory.
func dyno(size string) string {
	switch strings.ToLower(size) {
	case "", "eco", "free", "hobby", "basic", "standard-1x":
		return ""
	case "standard-2x":
		return "MAX"
	}
	return "PWR"
}

// procfile reads the types of processes, web when there is no file.
func procfile(dir fs.FS, home string) (map[string]string, error) {
	content, err := read(dir, path.Join(home, "Procfile"))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{"web": ""}, nil
	}
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for line := range strings.Lines(string(content)) {
		kind, run, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && kind != "release" && !strings.HasPrefix(kind, "#") {
			all[kind] = strings.TrimSpace(run)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the Procfile names no process")
	}
	return all, nil
}
