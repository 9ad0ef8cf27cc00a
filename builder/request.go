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
	// Secrets are the service's, by name: what steps see and no image, cache key or log holds. A change of a value
	// alone does not make a step run again.
	Secrets map[string]string
	// Labels are put on the image; those of the image's own making win.
	Labels map[string]string
	// Source says where Dir comes from, for the account of how the image was made.
	Source platform.Source
	// Last is the image that the build would replace; when it was made of the very same, it is returned again
	// and nothing is built. Zero: build.
	Last platform.Image
	// NoCache runs every step, whatever is cached, and does not look at Last. Cache folders stay: see ClearCache.
	NoCache bool
}

// identifier is what ids and names look like where they become part of paths and image names.
var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,99}$`)

// secretName is what names of variables are like (POSIX.1-2017 XBD 8.1); as a file name it stays in its folder.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (r Request) validate() error {
	if !identifier.MatchString(r.Deployment) {
		return fmt.Errorf("%w: deployment id %q", platform.ErrInvalid, r.Deployment)
	}
	if !identifier.MatchString(r.Service) {
		return fmt.Errorf("%w: service id %q", platform.ErrInvalid, r.Service)
	}
	for name := range r.Secrets {
		if !secretName.MatchString(name) {
			return fmt.Errorf("%w: secret %q: letters, digits and _, not starting with a digit", platform.ErrInvalid, name)
		}
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
