package builder

import (
	"bytes"
	"context"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/host"
)

func testInstance() *host.Instance {
	return &host.Instance{
		ID: "a1b2c3", Dir: "/var/lib/csph", Apps: netip.MustParsePrefix("10.70.0.0/16"), Builds: netip.MustParsePrefix("10.71.0.0/16"),
	}
}

func TestTheConfigurationOfBuildkitdIsTheGoldenOne(t *testing.T) {
	c := Config{Host: testInstance(), BinDir: "/opt/bin", Containerd: "/run/c.sock", CacheBudget: 8 << 30}
	// The number of processors is the machine's.
	text := regexp.MustCompile(`max-parallelism = [0-9]+`).ReplaceAllString(c.buildkitConfig(), "max-parallelism = N")
	golden(t, "buildkitd.toml", []byte(text))
}

func TestTheFirewallIsTheGoldenOne(t *testing.T) {
	script := firewall(testInstance(), []netip.Addr{netip.MustParseAddr("10.0.0.53")}, []netip.AddrPort{netip.MustParseAddrPort("10.1.1.1:443")})
	golden(t, "firewall.nft", []byte(script))
}

func TestLimitsStayWithinTheMachine(t *testing.T) {
	for _, c := range []struct{ in, want Limits }{
		{Limits{}, Limits{MilliCPU: 2000, Memory: 7 << 30, Timeout: time.Hour}},
		{Limits{MilliCPU: 1000, Memory: 1 << 30, Timeout: time.Minute}, Limits{MilliCPU: 1000, Memory: 1 << 30, Timeout: time.Minute}},
	} {
		if got := c.in.bounded(2000, 8<<30); got != c.want {
			t.Errorf("%+v becomes %+v, want %+v", c.in, got, c.want)
		}
	}
	if got := (Limits{}).bounded(64000, 256<<30); got.MilliCPU != 5000 || got.Memory != 8<<30 {
		t.Errorf("on a large machine the limits are %+v", got)
	}
}

func TestOutputIsCutIntoLinesAndKeptForTheFailure(t *testing.T) {
	open := newOpenLogs(func(string) string { return filepath.Join(t.TempDir(), "log") })
	path := filepath.Join(t.TempDir(), "log")
	open.path = func(string) string { return path }
	log, err := open.acquire("dep_a")
	must(t, err)
	p := newProgress(log)
	began, done := time.Now(), time.Now().Add(1200*time.Millisecond)
	vertex := func(v client.Vertex) { p.vertex(&v) }
	out := func(stream int, text string) {
		p.output(&client.VertexLog{Vertex: "sha256:a", Stream: stream, Data: []byte(text)})
	}
	vertex(client.Vertex{Digest: "sha256:a", Name: "install", Started: &began})
	out(1, "one\ntw")
	out(2, "warning\r\n")
	out(1, "o\nrest")
	vertex(client.Vertex{Digest: "sha256:a", Name: "install", Started: &began, Completed: &done})
	vertex(client.Vertex{Digest: "sha256:a", Name: "install", Started: &began, Completed: &done})
	vertex(client.Vertex{Digest: "sha256:b", Name: "build", Started: &began, Completed: &began, Cached: true})
	vertex(client.Vertex{Digest: "sha256:c", Name: "[internal] load", Started: &began, Completed: &done})
	vertex(client.Vertex{Digest: "sha256:d", Name: "test", Started: &began})
	must(t, log.Close())
	want := "S install\nO one\nE warning\nO two\nO rest\nS install  1.2s\nS build  cached\nS test\n"
	if got := readLog(t, path); got != want {
		t.Errorf("the log is\n%swant\n%s", got, want)
	}
	if got := p.steps["sha256:a"].tail(); !slices.Equal(got, []string{"one", "warning", "two", "rest"}) {
		t.Errorf("the tail is %q", got)
	}
	if s := p.unfinished(); s == nil || s.name != "test" {
		t.Errorf("the unfinished step is %+v", s)
	}
}

func TestTheSingleExposedPortCounts(t *testing.T) {
	for want, ports := range map[int][]string{80: {"80/tcp"}, 81: {"81"}, 82: {"82/tcp", "53/udp"}} {
		exposed := map[string]struct{}{}
		for _, p := range ports {
			exposed[p] = struct{}{}
		}
		if got := exposedPort(ocispecs.ImageConfig{ExposedPorts: exposed}); got != want {
			t.Errorf("%v: port %d, want %d", ports, got, want)
		}
	}
	if got := exposedPort(ocispecs.ImageConfig{ExposedPorts: map[string]struct{}{"80/tcp": {}, "443/tcp": {}}}); got != 0 {
		t.Errorf("two ports: %d", got)
	}
}

func TestNamesOfOfficialImagesFindTheirRecipes(t *testing.T) {
	for name, want := range map[string]string{
		"debian:bookworm-slim": "debian_bookworm-slim", "debian:12": "debian_bookworm-slim",
		"golang:1.26-bookworm": "golang_1.26-bookworm", "golang:1.26": "golang_1.26-bookworm", "golang:1.25.3": "golang_1.25.3-bookworm",
		"node:22-bookworm-slim": "node_22-bookworm-slim", "node:22-slim": "node_22-bookworm-slim", "node:20": "node_20-bookworm",
		"nginx:1-bookworm": "nginx_1-bookworm",
	} {
		r, version, ok := findRecipe("docker.io/library/" + name)
		if !ok || r.archive(version) != want+"-"+r.revision()+".tar" {
			t.Errorf("%s: %v %s", name, ok, r.archive(version))
		}
	}
	for _, name := range []string{"docker.io/library/golang:1.26-alpine", "docker.io/library/node:lts", "ghcr.io/library/node:22", "docker.io/library/debian:trixie"} {
		if _, _, ok := findRecipe(name); ok {
			t.Errorf("%s has a recipe", name)
		}
	}
}

func TestTheNewestFittingToolchainIsTaken(t *testing.T) {
	versions := []string{"v0.0.1-go1.25.9.linux-amd64", "v0.0.1-go1.25.10.linux-amd64", "v0.0.1-go1.25.11.darwin-arm64", "v0.0.1-go1.26.0.linux-amd64", "v0.0.1-go1.25rc1.linux-amd64"}
	for version, want := range map[string]string{"1.25": "v0.0.1-go1.25.10.linux-amd64", "1": "v0.0.1-go1.26.0.linux-amd64", "1.25.9": "v0.0.1-go1.25.9.linux-amd64", "1.24": ""} {
		if got := newestToolchain(versions, version); got != want {
			t.Errorf("%s: %q, want %q", version, got, want)
		}
	}
	if !goFits("go1.26.3", "1.26") || goFits("go1.26.3", "1.2") || !goFits("go1.26.3 X:nocoverageredesign", "1.26.3") {
		t.Error("versions are compared wrongly")
	}
}

func TestOnlyWhatBuildsNeedIsTakenFromNpmrc(t *testing.T) {
	t.Setenv("NPM_TOKEN", "t0ken")
	kept, registry := npmLines([]byte("cafile=/x\nregistry = https://npm.example.com/\n@team:registry=https://team.example.com/\n//team.example.com/:_authToken=${NPM_TOKEN}\nnodedir=/usr\n; registry=no\n"))
	want := "registry=https://npm.example.com/\n@team:registry=https://team.example.com/\n//team.example.com/:_authToken=t0ken\n"
	if kept != want || registry != "https://npm.example.com/" {
		t.Errorf("kept %q, registry %q", kept, registry)
	}
}

func FuzzNpmrc(f *testing.F) {
	f.Add([]byte("registry=https://a/\n//a/:_auth=${X}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kept, _ := npmLines(b)
		for line := range strings.Lines(kept) {
			if !npmLine.MatchString(line) {
				t.Errorf("kept %q", line)
			}
		}
	})
}

func TestHostSettingsComeFromTheEnvironmentAndFiles(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "ca.pem"), "bundle")
	write(t, filepath.Join(home, ".npmrc"), "registry=https://npm.example.com/\n")
	for k, v := range map[string]string{
		"HOME": home, "SSL_CERT_FILE": filepath.Join(home, "ca.pem"), "GOPROXY": "https://go.example.com", "GOFLAGS": "-mod=mod", "GOENV": "off",
		"HTTPS_PROXY": "http://proxy.example.com:3128", "HTTP_PROXY": "http://127.0.0.1:3128", "NPM_CONFIG_USERCONFIG": "", "npm_config_registry": "", "NPM_CONFIG_REGISTRY": "",
	} {
		t.Setenv(k, v)
	}
	s, err := ReadHostSettings(context.Background())
	must(t, err)
	for name, want := range map[string]string{
		"GOPROXY": "https://go.example.com", "HTTPS_PROXY": "http://proxy.example.com:3128", "npm_config_registry": "https://npm.example.com/", "HTTP_PROXY": "", "GOFLAGS": "",
	} {
		if got := s.Env[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if string(s.CABundle) != "bundle" || string(s.NPMRC) != "registry=https://npm.example.com/\n" || s.variables()["SSL_CERT_FILE"] != caPath {
		t.Errorf("settings are %+v", s)
	}
}

func TestALargeBundleLosesItsCommentsAndRepetitions(t *testing.T) {
	one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bytes.Repeat([]byte{1}, 100)})
	bundle := bytes.Repeat(append([]byte("# a comment\n"), one...), 20000)
	t.Setenv("SSL_CERT_FILE", filepath.Join(t.TempDir(), "ca.pem"))
	write(t, os.Getenv("SSL_CERT_FILE"), string(bundle))
	var s HostSettings
	must(t, s.readCA())
	if !bytes.Equal(s.CABundle, one) {
		t.Errorf("the bundle has %d bytes, want %d", len(s.CABundle), len(one))
	}
}
