package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// load reads a configuration as serve does.
func load(t *testing.T, file string, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if file != "" {
		path := filepath.Join(t.TempDir(), "csphd.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags, func(k string) string { return env[k] })
}

func TestAFlagWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	file := "http: :1001\nssh: :1002\napi: 127.0.0.1:1003\n"
	env := map[string]string{"CSPHD_SSH": ":2002", "CSPHD_API": "127.0.0.1:2003"}
	c, err := load(t, file, env, "--api", "127.0.0.1:3003")
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP != ":1001" || c.SSH != ":2002" || c.API != "127.0.0.1:3003" || c.HTTPS != ":443" {
		t.Errorf("got http %s, https %s, ssh %s, api %s", c.HTTP, c.HTTPS, c.SSH, c.API)
	}
}

func TestDefaultsAreThoseOfTheSpecification(t *testing.T) {
	c, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.State != "/var/lib/csph" || c.SSH != ":2222" || c.API != "127.0.0.1:7070" || c.AppsDomain != "localhost" {
		t.Errorf("got %+v", c)
	}
}

func TestBadConfigurationIsRefusedAndNamed(t *testing.T) {
	for _, c := range []struct{ name, file, says string }{
		{"unknown key", "htpp: :80\n", "htpp"},
		{"wrong type", "capacity: {spherelets: many}\n", "spherelets"},
		{"no address", "http: nowhere\n", "http"},
		{"no domain", "apps_domain: 'a b'\n", "apps_domain"},
		{"too many vCPUs", "build: {cpus: 9}\n", "build.cpus"},
		{"too little memory", "build: {memory_mb: 1}\n", "build.memory_mb"},
		{"log level", "log_level: loud\n", "log_level"},
		{"region", "region: Europe West\n", "region"},
		{"no time between looks", "autoscale: {every: 1ms}\n", "autoscale.every"},
		{"down before the next look", "autoscale: {every: 1m, down_after: 30s}\n", "autoscale.down_after"},
		{"long path", "state: /" + strings.Repeat("x", 90) + "\n", "state"},
		{"not YAML", "{", "csphd.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error about %s", err, c.says)
			}
		})
	}
}

func TestASecondServerIsKeptOutOfAStateFolder(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	unlock, err := lockState(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockState(state); err == nil || !strings.Contains(err.Error(), "another csphd") {
		t.Errorf("second lock: %v", err)
	}
	unlock()
	again, err := lockState(state)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	again()
}

func TestTheAdminTokenIsReadableByItsOwnerOnly(t *testing.T) {
	state := t.TempDir()
	if err := keepToken(state)("csph_secret"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(state, "admin.token")
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", st.Mode(), err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "csph_secret\n" {
		t.Errorf("content %q (%v)", b, err)
	}
}

func TestDestroyRefusesAFolderThatIsNotCsphs(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(precious, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := destroy(t.Context(), dir); err == nil {
		t.Error("it was destroyed")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestDoctorSaysWhatToDoAboutMissingBinaries(t *testing.T) {
	var out strings.Builder
	err := report(&out, checkBinaries(t.TempDir()))
	if err == nil || !strings.Contains(out.String(), "containerd") || !strings.Contains(out.String(), "→ make build daemons") {
		t.Errorf("report: %v\n%s", err, out.String())
	}
}
