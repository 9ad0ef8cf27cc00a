package platform

import (
	"fmt"
	"slices"
	"strings"
)

// Regions are the places where spherelets of a server can run; the first is where they do when nothing is said.
type Regions []string

// Default is the region of a service that names none; "" where there are no regions.
func (r Regions) Default() string {
	if len(r) == 0 {
		return ""
	}
	return r[0]
}

// Of is the region that named means: itself, or for "" the default.
func (r Regions) Of(named string) string {
	if named == "" {
		return r.Default()
	}
	return named
}

// Check refuses a region that is not there, and says which are; "" is the default one.
func (r Regions) Check(named string) error {
	if named == "" || slices.Contains(r, named) {
		return nil
	}
	return fmt.Errorf("%w: there is no region %q; this server has %s", ErrInvalid, named, strings.Join(r, ", "))
}
