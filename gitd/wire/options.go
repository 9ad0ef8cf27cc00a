package wire

import (
	"fmt"
	"regexp"
	"strings"
)

// Options are what the push options of one push ask for (git push -o …).
type Options struct {
	Env      map[string]string // env=NAME=VALUE: kept in the service's configuration
	NoDeploy bool              // no-deploy: store the branch, deploy nothing
	NoCache  bool              // no-cache: build anew, whatever is cached
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`)

// ParseOptions reads the push options. An unknown one is an error that lists the known.
func ParseOptions(raw []string) (Options, error) {
	var o Options
	for _, option := range raw {
		key, value, _ := strings.Cut(option, "=")
		switch {
		case option == "no-deploy":
			o.NoDeploy = true
		case option == "no-cache":
			o.NoCache = true
		case key == "env":
			if err := o.setEnv(value); err != nil {
				return Options{}, err
			}
		default:
			return Options{}, fmt.Errorf("unknown push option %q; known are -o env=NAME=VALUE, -o no-deploy and -o no-cache", option)
		}
	}
	return o, nil
}

func (o *Options) setEnv(assignment string) error {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok || !variable.MatchString(name) {
		return fmt.Errorf("push option env wants NAME=VALUE with a name of letters, digits and _, not %q", assignment)
	}
	if strings.IndexByte(value, 0) >= 0 {
		return fmt.Errorf("the value of %s in push option env holds a NUL byte", name)
	}
	if o.Env == nil {
		o.Env = make(map[string]string)
	}
	o.Env[name] = value
	return nil
}
