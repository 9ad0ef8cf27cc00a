package platform

import (
	"fmt"
	"path"
	"strings"
)

// SplitDomain splits the name of a domain into its host and the beginning of the paths that it is about, such as
// "/api"; "" stands for all of the host.
func SplitDomain(name string) (host, prefix string) {
	if i := strings.IndexByte(name, '/'); i >= 0 {
		return name[:i], name[i:]
	}
	return name, ""
}

// CheckPrefix refuses, with ErrInvalid, what cannot be the beginning of a domain's paths: it is a clean path of
// visible characters, without a query and without percent-encoding, and not the root alone.
func CheckPrefix(prefix string) error {
	if !strings.HasPrefix(prefix, "/") || prefix == "/" || path.Clean(prefix) != prefix || len(prefix) > 200 {
		return fmt.Errorf("%w: %q is no beginning of a path; write it like /api", ErrInvalid, prefix)
	}
	for i := range len(prefix) {
		if c := prefix[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"#%<>?\^{|}*`+"`", c) >= 0 {
			return fmt.Errorf("%w: %q cannot be in the beginning of a path", ErrInvalid, string(c))
		}
	}
	return nil
}
