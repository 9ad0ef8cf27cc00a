package builder

import (
	"net/url"
	"regexp"
	"slices"

	"csph/logs"
)

// secretDir is where the steps of a plan find each secret of the service as a file, besides as a variable. A
// Dockerfile mounts those it wants: RUN --mount=type=secret,id=NAME.
const secretDir = "/run/secrets/"

// secrets are what the secret mounts and variables of the build's steps resolve to. Names of the service's
// secrets have no dot in them, those of the settings have.
func (s *solve) secrets() map[string][]byte {
	all := s.builder.config.Settings.secrets()
	for name, value := range s.request.Secrets {
		all[name] = []byte(value)
	}
	if z := s.request.Plan.Zerops; z != nil {
		for name, value := range z.BuildEnv {
			all[zeropsSecret(name)] = []byte(value)
		}
	}
	return all
}

// maskOf hides what the log of a build must not show: the service's secrets, and the passwords in the host's settings.
func maskOf(r Request, s HostSettings) *logs.Mask {
	hidden := s.passwords()
	for _, value := range r.Secrets {
		hidden = append(hidden, value)
	}
	slices.Sort(hidden)
	return logs.NewMask(hidden...)
}

// npmCredential is a line of npmrc(5) whose value is a credential.
var npmCredential = regexp.MustCompile(`(?m)^//[^=]*:_(?:authToken|auth|password)\s*=\s*(\S+)`)

// passwords are the secrets among the settings.
func (s HostSettings) passwords() []string {
	var found []string
	for _, value := range s.Env {
		for _, address := range addressWithPassword.FindAllString(value, -1) {
			if u, err := url.Parse(address); err == nil && u.User != nil {
				if password, ok := u.User.Password(); ok {
					found = append(found, password)
				}
			}
		}
	}
	for _, m := range npmCredential.FindAllSubmatch(s.NPMRC, -1) {
		found = append(found, string(m[1]))
	}
	return found
}

// addressWithPassword finds the addresses in a variable, which may be a list of them, as GOPROXY is.
var addressWithPassword = regexp.MustCompile(`[a-z]+://[^\s,|]*:[^\s,|/]*@[^\s,|]+`)
