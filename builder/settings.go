package builder

import (
	"maps"
	"slices"
)

// HostSettings are what this machine needs to reach its package registries: mirrors, proxies, trusted
// certificates. Builds get them at run time and keep no trace of them. The zero value adds nothing.
type HostSettings struct {
	// Env are variables for every step: GOPROXY, npm_config_registry, HTTPS_PROXY, ….
	Env map[string]string
	// CABundle is every certificate that the host trusts, PEM; nil where it trusts only public ones.
	CABundle []byte
	// NPMRC are the registry and credential lines of root's npm configuration.
	NPMRC []byte
	// AptSources are the addresses that apt downloads from; only the fence of builds uses them.
	AptSources []string
	// AptConf is apt configuration: proxies and certificates.
	AptConf []byte
}

// where the files are in a build step; the folder exists only while the step runs.
const (
	caPath    = "/run/csph/ca.pem"
	npmrcPath = "/run/csph/npmrc"
	aptPath   = "/run/csph/apt.conf"
)

// caVariables name the bundle to the tools that do not look where Debian keeps it.
var caVariables = []string{
	"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO",
}

// secretFile is a setting that a step sees as a file.
type secretFile struct {
	id, path string
	content  []byte
}

func (s HostSettings) files() []secretFile {
	var found []secretFile
	for _, f := range []secretFile{
		{"csph.ca", caPath, s.CABundle}, {"csph.npmrc", npmrcPath, s.NPMRC}, {"csph.apt", aptPath, s.AptConf},
	} {
		if len(f.content) > 0 {
			found = append(found, f)
		}
	}
	return found
}

// variables are all variables that a step gets.
func (s HostSettings) variables() map[string]string {
	vars := maps.Clone(s.Env)
	if vars == nil {
		vars = map[string]string{}
	}
	if len(s.CABundle) > 0 {
		for _, name := range caVariables {
			vars[name] = caPath
		}
	}
	if len(s.NPMRC) > 0 {
		vars["npm_config_userconfig"] = npmrcPath
	}
	if len(s.AptConf) > 0 {
		vars["APT_CONFIG"] = aptPath
	}
	return vars
}

// names are the names of variables, sorted.
func (s HostSettings) names() []string { return slices.Sorted(maps.Keys(s.variables())) }

func secretEnvID(name string) string { return "csph.env." + name }

// secrets are what the steps' secret mounts and variables resolve to.
func (s HostSettings) secrets() map[string][]byte {
	m := map[string][]byte{}
	for _, f := range s.files() {
		m[f.id] = f.content
	}
	for name, value := range s.variables() {
		m[secretEnvID(name)] = []byte(value)
	}
	return m
}
