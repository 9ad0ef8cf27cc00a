package store

import (
	"fmt"
	"regexp"
	"strings"

	"csph/platform"
)

// Ref names a service within an account.
type Ref struct {
	Project     string
	Environment string
	Name        string
}

// ParseRef reads name, env/name or project/env/name. What is left out is DefaultProject and
// DefaultEnvironment. ErrInvalid when it has another form or a part is not a DNS label.
func ParseRef(text string) (Ref, error) {
	parts := strings.Split(text, "/")
	if len(parts) > 3 {
		return Ref{}, fmt.Errorf("%w: %q does not name a service; write name, env/name or project/env/name", platform.ErrInvalid, text)
	}
	full := append([]string{DefaultProject, DefaultEnvironment, ""}[:3-len(parts)], parts...)
	ref := Ref{Project: full[0], Environment: full[1], Name: full[2]}
	for _, part := range []struct{ noun, name string }{
		{"project", ref.Project}, {"environment", ref.Environment}, {"service", ref.Name},
	} {
		if err := checkName(part.noun, part.name); err != nil {
			return Ref{}, err
		}
	}
	return ref, nil
}

// String is the shortest form that ParseRef reads back.
func (r Ref) String() string {
	switch {
	case r.Project != DefaultProject:
		return r.Project + "/" + r.Environment + "/" + r.Name
	case r.Environment != DefaultEnvironment:
		return r.Environment + "/" + r.Name
	}
	return r.Name
}

// host is the first label of the service's host name (SPEC section 5).
func (r Ref) host() string {
	if r.Environment == DefaultEnvironment {
		return r.Name
	}
	return r.Name + "-" + r.Environment
}

// label is a DNS label in lower case (RFC 1123 section 2.1).
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkName(noun, name string) error {
	if label.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%w: %q cannot be the name of a%s %s: use 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
		platform.ErrInvalid, name, article(noun), noun)
}

func article(noun string) string {
	if strings.HasPrefix(noun, "e") || strings.HasPrefix(noun, "a") {
		return "n"
	}
	return ""
}
