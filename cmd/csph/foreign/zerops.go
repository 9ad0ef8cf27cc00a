package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"csph/cmd/csph/manifest"
	"csph/platform"
)

// zeropsFile is what is read of the import file of Zerops.
type zeropsFile struct {
	Project struct {
		Name         string         `yaml:"name"`
		EnvVariables map[string]any `yaml:"envVariables"`
	} `yaml:"project"`
	Services []struct {
		Hostname              string         `yaml:"hostname"`
		Type                  string         `yaml:"type"`
		BuildFromGit          string         `yaml:"buildFromGit"`
		EnvSecrets            map[string]any `yaml:"envSecrets"`
		MinContainers         int            `yaml:"minContainers"`
		MaxContainers         int            `yaml:"maxContainers"`
		EnableSubdomainAccess *bool          `yaml:"enableSubdomainAccess"`
		Mount                 []string       `yaml:"mount"`
		VerticalAutoscaling   struct {
			MinRAM float64 `yaml:"minRam"`
			MinCPU float64 `yaml:"minCpu"`
		} `yaml:"verticalAutoscaling"`
	} `yaml:"services"`
}

// zerops takes an import file over. Services that Zerops manages itself, such as databases, have no like here.
func zerops(content []byte) (App, error) {
	var f zeropsFile
	if err := yaml.Unmarshal(content, &f); err != nil {
		return App{}, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	app := App{Kind: "import file of Zerops", Project: label(f.Project.Name), Env: map[string]string{}}
	for name, value := range f.Project.EnvVariables {
		app.Env[name] = text(value)
	}
	for _, from := range f.Services {
		if managed(from.Type) {
			app.note("%s (%s) is a managed service, which is not provided here: run it elsewhere, and set its URL with csph services set-secret", from.Hostname, from.Type)
			continue
		}
		s := manifest.Service{Name: label(from.Hostname), Count: from.MinContainers, Secrets: slices.Collect(maps.Keys(from.EnvSecrets))}
		if v := from.VerticalAutoscaling; v.MinRAM > 0 || v.MinCPU > 0 {
			s.Shape = shapeFor(int64(v.MinRAM*(1<<30)), int64(v.MinCPU*1000))
		}
		if from.EnableSubdomainAccess != nil && !*from.EnableSubdomainAccess {
			s.Type = platform.Worker
		}
		if from.MaxContainers > 1 && from.MaxContainers > from.MinContainers {
			s.Count, s.Autoscale = 0, &manifest.Autoscale{Min: max(from.MinContainers, platform.DefaultAutoscaleMin), Max: min(from.MaxContainers, platform.MaxCount), CPU: platform.DefaultAutoscaleCPU}
		}
		app.add(s)
		deploy := "csph deploy . --service " + s.Name
		if from.BuildFromGit != "" {
			deploy = "csph deploy --repo " + from.BuildFromGit + " --service " + s.Name
		}
		app.note("%s is built by zerops.yml: %s", s.Name, deploy)
		for _, storage := range from.Mount {
			app.note("%s mounts the shared storage %s, which is not provided here: keep files in an object store", s.Name, storage)
		}
	}
	return app, nil
}

// managed reports whether Zerops runs services of this type itself.
func managed(kind string) bool {
	name, _, _ := strings.Cut(kind, "@")
	switch name {
	case "postgresql", "mariadb", "mysql", "mongodb", "valkey", "keydb", "redis", "rabbitmq", "nats", "kafka", "elasticsearch", "opensearch", "typesense",
		"meilisearch", "qdrant", "clickhouse", "object-storage", "objectstorage", "shared-storage", "sharedstorage":
		return true
	}
	return false
}
