package containerd

import (
	"encoding/json"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Where a spherelet with a launch finds csph's init and what it is to start.
const (
	initPath   = "/.csph/init"
	launchPath = "/.csph/launch.json"
)

// launches reports whether the container's first process is csph's init. A command that is run once stands for
// itself.
func (j *job) launches() bool { return j.set.Launch != nil && !j.single }

// writeLaunch writes what the init is to start; anybody in the container may read it.
func (j *job) writeLaunch() error {
	if !j.launches() {
		return nil
	}
	b, err := json.Marshal(j.set.Launch)
	if err == nil {
		err = os.WriteFile(j.file("launch.json"), b, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write what the container starts: %w", err)
	}
	return nil
}

// launchMounts brings the init and its orders into the container, whatever its image has.
func (j *job) launchMounts() []specs.Mount {
	if !j.launches() {
		return nil
	}
	bind := func(source, destination string) specs.Mount {
		return specs.Mount{Destination: destination, Type: "bind", Source: source, Options: []string{"bind", "ro", "nosuid", "nodev"}}
	}
	return []specs.Mount{bind(j.e.cfg.bin("csph-init"), initPath), bind(j.file("launch.json"), launchPath)}
}
