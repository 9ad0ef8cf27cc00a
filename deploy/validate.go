package deploy

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"csph/platform"
)

// imageDigest matches the digests that a reference may end with (OCI image specification, descriptors).
var imageDigest = regexp.MustCompile(`^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$`)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// validate refuses a config that could not run, saying which part and why.
func validate(c platform.Config) error {
	if _, err := platform.ShapeNamed(c.Shape); err != nil {
		return err
	}
	if c.Count < 1 || c.Count > platform.MaxCount {
		return fmt.Errorf("%w: count %d: a service runs 1 to %d spherelets", platform.ErrInvalid, c.Count, platform.MaxCount)
	}
	if a := c.Autoscale; a != nil {
		if err := a.Check(); err != nil {
			return err
		}
	}
	if c.MaxBodyMB < -1 || c.MaxBodyMB > 1<<20 {
		return fmt.Errorf("%w: max body %d MB: a limit is 1 to %d (0 for the server's, -1 for none)", platform.ErrInvalid, c.MaxBodyMB, 1<<20)
	}
	if c.Port < 0 || c.Port > 65535 {
		return fmt.Errorf("%w: port %d: a port is 1 to 65535 (0 for the default)", platform.ErrInvalid, c.Port)
	}
	if c.Drain < 0 || c.Grace < 0 {
		return fmt.Errorf("%w: drain and grace are times, they cannot be negative", platform.ErrInvalid)
	}
	if c.Dir != "" && !filepath.IsLocal(c.Dir) {
		return fmt.Errorf("%w: the folder %q is none of the source; write it relative to the source, such as apps/web", platform.ErrInvalid, c.Dir)
	}
	if strings.ContainsRune(c.Build+c.Run+c.Process+c.Setup+c.Dir, 0) {
		return fmt.Errorf("%w: a command or name has a NUL byte", platform.ErrInvalid)
	}
	for name, value := range c.Env {
		if err := validateEnv(name, value); err != nil {
			return err
		}
	}
	return validateChecks(c)
}

func validateEnv(name, value string) error {
	switch {
	case !envName.MatchString(name):
		return fmt.Errorf("%w: %q is no name for a variable: letters, digits and _, not starting with a digit", platform.ErrInvalid, name)
	case strings.ContainsRune(value, 0):
		return fmt.Errorf("%w: the value of %s has a NUL byte", platform.ErrInvalid, name)
	case len(value) > 64<<10:
		return fmt.Errorf("%w: the value of %s is %d bytes long; at most 65536 fit", platform.ErrInvalid, name, len(value))
	}
	return nil
}

// validateImage refuses a reference with a credential in it, before it is in any record. What else it may be is the registry's
// question.
func validateImage(ref string) error {
	if _, after, found := strings.Cut(ref, "@"); found && !imageDigest.MatchString(after) {
		return fmt.Errorf("%w: what follows the @ in a reference of an image is a digest, sha256:…; a login goes with csph services set-registry", platform.ErrInvalid)
	}
	return nil
}

// fits refuses, with the figures, a config for which the capacity does not suffice beside everything else that is live.
func (d *Deployer) fits(ctx context.Context, svc platform.Service, c platform.Config) error {
	used, err := d.used(ctx, svc.ID)
	if err != nil {
		return err
	}
	shape, err := platform.ShapeNamed(c.Shape)
	if err != nil {
		return err
	}
	n := int64(c.Count)
	for _, q := range []struct {
		what             string
		wanted, used, of int64
	}{
		{"spherelets", n, int64(used.Spherelets), int64(d.Capacity.Spherelets)},
		{"thousandths of a vCPU", n * shape.MilliCPU, used.MilliCPU, d.Capacity.MilliCPU},
		{"MB of memory", n * shape.Memory >> 20, used.Memory >> 20, d.Capacity.Memory >> 20},
	} {
		if q.of > 0 && q.wanted+q.used > q.of {
			return fmt.Errorf("%w: %d × %s needs %d %s, but of %d only %d are free; lower --count or --shape, or free some with csph services scale",
				platform.ErrCapacity, c.Count, shape.Name, q.wanted, q.what, q.of, max(0, q.of-q.used))
		}
	}
	return nil
}

// used adds up what the live deployments of all services but one take.
func (d *Deployer) used(ctx context.Context, but string) (Capacity, error) {
	if d.Capacity == (Capacity{}) {
		return Capacity{}, nil
	}
	unsettled, err := d.Records.Unsettled(ctx)
	if err != nil {
		return Capacity{}, err
	}
	var sum Capacity
	for _, dep := range unsettled {
		shape, err := platform.ShapeNamed(dep.Config.Shape)
		if err != nil || dep.Service == but || dep.Status != platform.Live {
			continue
		}
		count := max(dep.Config.Count, len(d.Engine.Spherelets(dep.ID))) // it may have been scaled since
		n := int64(count)
		sum.Spherelets += count
		sum.MilliCPU += n * shape.MilliCPU
		sum.Memory += n * shape.Memory
	}
	return sum, nil
}
