package builder

import (
	"fmt"
	"regexp"

	"csph/buildpacks"
	"csph/platform"
)

// Request orders one build.
type Request struct {
	Deployment string // names the image and the log
	Service    string // names the caches and the cgroup; builds of one service run one after the other
	Dir        string // the source; nothing in it may change until the build is over
	Plan       buildpacks.Plan
	Env        map[string]string // variables that the steps see; build arguments of a Dockerfile
}

// identifier is what ids and names look like where they become part of paths and image names.
var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,99}$`)

func (r Request) validate() error {
	if !identifier.MatchString(r.Deployment) {
		return fmt.Errorf("%w: deployment id %q", platform.ErrInvalid, r.Deployment)
	}
	if !identifier.MatchString(r.Service) {
		return fmt.Errorf("%w: service id %q", platform.ErrInvalid, r.Service)
	}
	if r.Dir == "" {
		return fmt.Errorf("%w: a build without a source", platform.ErrInvalid)
	}
	return nil
}

// imageName is the name of a build's result in the engine's store.
func imageName(service, deployment string) string {
	return "csph.local/" + service + ":" + deployment
}
