package manifest

import (
	"fmt"
	"slices"

	"csph/platform"
)

// Volume is one that a service has. What is in it is in no file; what the file does not name stays attached.
type Volume struct {
	Name   string `yaml:"name" json:"name"`
	Path   string `yaml:"path,omitempty" json:"path,omitempty"` // of shared storage: none
	Shared bool   `yaml:"shared,omitempty" json:"shared,omitempty"`
	SizeMB int64  `yaml:"size_mb,omitempty" json:"size_mb,omitempty"`
}

// at is where the service sees the volume.
func (v Volume) at() (string, error) {
	return platform.Volume{Name: v.Name, Shared: v.Shared}.MountPath(v.Path)
}

// checkVolumes refuses what cannot be mounted, and what is there twice.
func (s Service) checkVolumes(service string) error {
	names, paths := map[string]bool{}, map[string]bool{}
	for _, v := range s.Volumes {
		path, err := v.at()
		switch {
		case v.Name == "":
			return fmt.Errorf("a volume of service %s has no name", service)
		case err != nil:
			return fmt.Errorf("volume %s of service %s: %w", v.Name, service, err)
		case names[v.Name] || paths[path]:
			return fmt.Errorf("the volume %s of service %s, or its path %s, is there twice", v.Name, service, path)
		}
		names[v.Name], paths[path] = true, true
	}
	return nil
}

// planVolumes attaches the volumes of a service that it lacks, each made where it is not there. Nothing is ever detached
// or deleted: that is for csph volumes alone.
func planVolumes(environment, service string, have, want Service) (changes []Change) {
	for _, v := range want.Volumes {
		path, err := v.at()
		attached := slices.ContainsFunc(have.Volumes, func(h Volume) bool {
			there, _ := h.at()
			return h.Name == v.Name && there == path
		})
		if err == nil && !attached {
			changes = append(changes, Change{Action: Create, Kind: "volume", Name: environment + "/" + v.Name, Says: []string{"at " + path + " of " + service}, Service: service, Volume: &v})
		}
	}
	return changes
}
