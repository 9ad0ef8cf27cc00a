package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// settingsTimeout bounds how long the programs of the host may take to tell their configuration.
const settingsTimeout = 10 * time.Second

// maxSecret is BuildKit's limit for one secret (500 KiB), less some room.
const maxSecret = 480 << 10

// ReadHostSettings reads what this machine is configured with: the environment, the go command's settings,
// npm's configuration files of root, apt's configuration and sources, and the CA bundle.
// Nothing of it is written anywhere.
func ReadHostSettings(ctx context.Context) (HostSettings, error) {
	ctx, cancel := context.WithTimeout(ctx, settingsTimeout)
	defer cancel()
	s := HostSettings{Env: map[string]string{}}
	for _, name := range passedVariables {
		if v := os.Getenv(name); v != "" && !localProxy(name, v) {
			s.Env[name] = v
		}
	}
	s.readGo(ctx)
	if err := s.readNPM(); err != nil {
		return s, err
	}
	if err := s.readCA(); err != nil {
		return s, err
	}
	return s, s.readApt(ctx)
}

// passedVariables are taken from csphd's own environment.
var passedVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST",
}

// localProxy reports a proxy on this machine's loopback, which a build step cannot reach.
func localProxy(name, value string) bool {
	if !strings.HasSuffix(strings.ToLower(name), "_proxy") || strings.EqualFold(name, "no_proxy") {
		return false
	}
	u, err := url.Parse(value)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
}

// goSettings are the go command's settings about where modules come from.
var goSettings = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"}

// readGo asks the go command, which also knows what `go env -w` has set, for what differs from its
// defaults. Without one, or with one that does not work or is too old to tell, the environment counts.
func (s *HostSettings) readGo(ctx context.Context) {
	found := map[string]string{}
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "-changed"}, goSettings...)...)
	cmd.Dir = "/"
	out, err := cmd.Output()
	if err != nil || json.Unmarshal(out, &found) != nil {
		for _, name := range goSettings {
			found[name] = os.Getenv(name)
		}
	}
	for _, name := range goSettings {
		if v := found[name]; v != "" {
			s.Env[name] = v
		}
	}
}

// npmLine is a line of npmrc that says where packages come from, or with which credentials.
var npmLine = regexp.MustCompile(`^\s*(registry|@[^:=\s]+:registry|//[^=\s]+:(?:_authToken|_auth|_password|username|email))\s*=\s*(.*?)\s*$`)

func (s *HostSettings) readNPM() error {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/root"
	}
	own := os.Getenv("NPM_CONFIG_USERCONFIG")
	if own == "" {
		own = filepath.Join(home, ".npmrc")
	}
	registry := ""
	var kept strings.Builder
	for _, file := range []string{"/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", own} {
		b, err := readIfThere(file)
		if err != nil {
			return err
		}
		lines, r := npmLines(b)
		kept.WriteString(lines)
		if r != "" {
			registry = r
		}
	}
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if v := os.Getenv(name); v != "" {
			registry = v
		}
	}
	if kept.Len() > 0 {
		s.NPMRC = []byte(kept.String())
	}
	if registry != "" {
		s.Env["npm_config_registry"], s.Env["COREPACK_NPM_REGISTRY"] = registry, registry
	}
	return nil
}

// npmLines keeps the lines of an npmrc that builds need, ${VARIABLES} replaced, and returns the registry among them.
func npmLines(b []byte) (kept, registry string) {
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		m := npmLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		value := npmVariable.ReplaceAllStringFunc(m[2], func(ref string) string { return os.Getenv(ref[2 : len(ref)-1]) })
		fmt.Fprintf(&out, "%s=%s\n", m[1], value)
		if m[1] == "registry" {
			registry = value
		}
	}
	return out.String(), registry
}

var npmVariable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// readCA takes the bundle that the environment names, else Debian's or Fedora's.
func (s *HostSettings) readCA() error {
	for _, file := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"} {
		if file == "" {
			continue
		}
		b, err := readIfThere(file)
		if err != nil {
			return err
		}
		if b == nil {
			continue
		}
		if s.CABundle = b; len(b) > maxSecret {
			s.CABundle = certificatesOnly(b)
		}
		if len(s.CABundle) > maxSecret {
			return fmt.Errorf("the CA bundle %s is too large to pass into builds (%d bytes, at most %d): remove authorities that are not needed", file, len(s.CABundle), maxSecret)
		}
		return nil
	}
	return nil
}

// certificatesOnly drops comments and repetitions from a bundle.
func certificatesOnly(b []byte) []byte {
	var out bytes.Buffer
	seen := map[string]bool{}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out.Bytes()
		}
		if block.Type == "CERTIFICATE" && !seen[string(block.Bytes)] {
			seen[string(block.Bytes)] = true
			out.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
	}
}

// aptLine is a setting of apt that says how to reach its sources.
var aptLine = regexp.MustCompile(`^Acquire::((?i:https?|ftp)::(?i:Proxy|Timeout|Verify-Peer|Verify-Host)(?:::[^ ]+)?|(?i:Check-Valid-Until|Check-Date|ForceIPv4)) "`)

// aptURI is an address in a list of sources, in either of its formats.
var aptURI = regexp.MustCompile(`https?://[^\s\]]+`)

func (s *HostSettings) readApt(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask apt for its settings: %w", err)
	}
	var conf strings.Builder
	for line := range strings.Lines(string(out)) {
		if aptLine.MatchString(line) {
			conf.WriteString(line)
		}
	}
	if len(s.CABundle) > 0 {
		fmt.Fprintf(&conf, "Acquire::https::CaInfo %q;\n", caPath)
	}
	s.AptConf = []byte(conf.String())
	lists, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		return fmt.Errorf("list apt's sources: %w", err)
	}
	for _, file := range append(lists, "/etc/apt/sources.list") {
		if ext := filepath.Ext(file); ext != ".list" && ext != ".sources" {
			continue
		}
		b, err := readIfThere(file)
		if err != nil {
			return err
		}
		s.AptSources = append(s.AptSources, aptURI.FindAllString(string(b), -1)...)
	}
	return nil
}

// readIfThere returns nil for a file that is not there.
func readIfThere(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the host's settings: %w", err)
	}
	return b, nil
}
