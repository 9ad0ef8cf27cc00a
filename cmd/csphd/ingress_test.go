package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// configFrom is what csphd makes of a configuration file.
func configFrom(t *testing.T, text string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "csphd.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse([]string{"--config", file}); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags, func(string) string { return "" })
}

func TestTheRouterIsConfiguredByTheFile(t *testing.T) {
	c, err := configFrom(t, "router:\n  trusted_proxies: [10.0.0.0/8, 192.0.2.1]\n  proxy_protocol: ['2001:db8::/32']\n  header_kb: 16\n  body_mb: 5\n  idle_timeout: 30s\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Router.config(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Trusted) != 2 || got.Trusted[1] != netip.MustParsePrefix("192.0.2.1/32") || got.ProxyFrom[0] != netip.MustParsePrefix("2001:db8::/32") {
		t.Errorf("trusted %v, from %v", got.Trusted, got.ProxyFrom)
	}
	if l := got.Limits; l.HeaderBytes != 16<<10 || l.BodyBytes != 5<<20 || l.IdleTimeout != 30*time.Second {
		t.Errorf("limits %+v", l)
	}
	if !c.Router.HTTP3 {
		t.Error("HTTP/3 is off although nobody turned it off")
	}
	if c, err := configFrom(t, "router:\n  http3: false\n"); err != nil || c.Router.HTTP3 {
		t.Errorf("HTTP/3 is on, error %v", err)
	}
}

func TestWhatTheRouterCannotBeToldIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"router:\n  trusted_proxies: [everybody]\n":  "router.trusted_proxies",
		"router:\n  proxy_protocol: [10.0.0.0/99]\n": "router.proxy_protocol",
		"router:\n  body_mb: -1\n":                   "router.body_mb",
		"router:\n  idle_timeout: -1s\n":             "router.idle_timeout",
		"router:\n  body_limit: 1\n":                 "body_limit",
	} {
		if _, err := configFrom(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
