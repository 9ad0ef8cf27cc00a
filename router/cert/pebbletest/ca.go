// Package pebbletest owns a real ACME server for tests, Pebble, with its challenge test server for DNS:
// starting, stopping, and what the DNS says. The binaries come from `make testca`. It refuses to be used outside of tests.
package pebbletest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"csph/test/port"
)

// Config says how the authority behaves.
type Config struct {
	HTTPPort, TLSPort int           // where it looks for HTTP-01 and TLS-ALPN-01
	Life              time.Duration // of certificates; 0 means 90 days
	BadNonces         int           // percentage of good nonces that it rejects
	CAA               []string      // names that CAA records know it by
	EAB               map[string]string
	Resolver          string // DNS server that it asks; empty: the challenge test server
}

// CA is a running authority. Names are in no DNS until they are added.
type CA struct {
	Directory string // URL
	TrustFile string // PEM of what the directory's own TLS is trusted by
	Resolver  string // DNS server that answers for every name, host:port

	t          testing.TB
	config     Config
	dir, bin   string
	listen     string
	management string
	challenges string // URL of the challenge test server's management
	pebble     *exec.Cmd
	client     *http.Client
}

const patience = 15 * time.Second

// Start runs an authority until the test ends.
func Start(t testing.TB, c Config) *CA {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a certificate authority")
	}
	ca := &CA{t: t, config: c, dir: t.TempDir(), bin: binaries(t), listen: port.Reserve(t), management: port.Reserve(t)}
	ca.Directory = "https://" + ca.listen + "/dir"
	ca.TrustFile = filepath.Join(ca.dir, "tls.crt")
	pool := ownCertificate(t, ca.TrustFile, filepath.Join(ca.dir, "tls.key"))
	ca.client = &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	ca.startDNS()
	if c.Resolver == "" {
		ca.config.Resolver = ca.Resolver
	}
	ca.Restart()
	t.Cleanup(ca.Stop)
	return ca
}

// binaries finds the folder of built binaries.
func binaries(t testing.TB) string {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	bin := filepath.Join(dir, "bin")
	if _, err := os.Stat(filepath.Join(bin, "pebble")); err != nil {
		t.Fatalf("there is no certificate authority to order from: run make testca (%v)", err)
	}
	return bin
}

func (c *CA) startDNS() {
	c.t.Helper()
	c.Resolver = port.Reserve(c.t)
	management := port.Reserve(c.t)
	c.challenges = "http://" + management
	cmd := exec.Command(filepath.Join(c.bin, "pebble-challtestsrv"), "-dnsserver", c.Resolver, "-management", management,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv4", "", "-defaultIPv6", "")
	c.run(cmd)
	c.t.Cleanup(func() { end(cmd) })
	c.eventually(func() error {
		resp, err := c.client.Get(c.challenges + "/")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
}

// run starts a process whose output goes to a file that is shown when the test fails.
func (c *CA) run(cmd *exec.Cmd) {
	c.t.Helper()
	log := filepath.Join(c.dir, filepath.Base(cmd.Path)+".log")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if text, err := os.ReadFile(log); c.t.Failed() && err == nil {
			c.t.Logf("%s:\n%s", filepath.Base(log), text[max(0, len(text)-4000):])
		}
	})
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// Stop ends the authority: connections to it are refused from then on.
func (c *CA) Stop() {
	if c.pebble != nil {
		end(c.pebble)
		c.pebble = nil
	}
}

// Freeze has the authority do nothing, in the middle of whatever it does, until thaw is called.
func (c *CA) Freeze() (thaw func()) {
	c.t.Helper()
	p := c.pebble.Process
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
	return func() {
		if err := p.Signal(syscall.SIGCONT); err != nil {
			c.t.Error(err)
		}
	}
}

// Accounts is how many accounts the authority has made.
func (c *CA) Accounts() int { return c.told("accounts in memory") }

// Orders is how many orders the authority has taken.
func (c *CA) Orders() int { return c.told("Added order") }

// told is how often the authority has written a text into its log.
func (c *CA) told(text string) int {
	c.t.Helper()
	log, err := os.ReadFile(filepath.Join(c.dir, "pebble.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	return bytes.Count(log, []byte(text))
}

// Restart starts the authority anew. It has forgotten every account and order, and has another root.
func (c *CA) Restart() {
	c.t.Helper()
	c.Stop()
	path := filepath.Join(c.dir, "pebble.json")
	text, err := json.Marshal(map[string]any{"pebble": c.settings()})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(c.bin, "pebble"), "-config", path, "-dnsserver", c.config.Resolver)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT="+strconv.Itoa(c.config.BadNonces))
	c.run(cmd)
	c.pebble = cmd
	c.eventually(func() error {
		resp, err := c.client.Get(c.Directory)
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
}

func (c *CA) settings() map[string]any {
	s := map[string]any{
		"listenAddress": c.listen, "managementListenAddress": c.management,
		"certificate": c.TrustFile, "privateKey": filepath.Join(c.dir, "tls.key"),
		"httpPort": c.config.HTTPPort, "tlsPort": c.config.TLSPort, "keyAlgorithm": "ecdsa",
		"retryAfter":    map[string]int{"authz": 1, "order": 1},
		"caaIdentities": c.config.CAA, "externalAccountBindingRequired": len(c.config.EAB) > 0, "externalAccountMACKeys": c.config.EAB,
	}
	if c.config.Life > 0 {
		s["profiles"] = map[string]any{"default": map[string]any{"description": "of the test", "validityPeriod": int(c.config.Life.Seconds())}}
	}
	return s
}

func (c *CA) eventually(try func() error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			c.t.Fatalf("gave up: %v", err)
		}
	}
}

// Roots are what the certificates are trusted by that the authority issues.
func (c *CA) Roots() *x509.CertPool {
	c.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(c.RootPEM()) {
		c.t.Fatal("the root is not PEM")
	}
	return pool
}

// RootPEM is the root of Roots in PEM.
func (c *CA) RootPEM() []byte {
	c.t.Helper()
	resp, err := c.client.Get("https://" + c.management + "/roots/0")
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read the root: %v", err)
	}
	return text
}

// A says where a name leads; without addresses, nowhere.
func (c *CA) A(name string, addresses ...string) {
	c.t.Helper()
	c.tell("clear-a", map[string]any{"host": name + "."})
	if len(addresses) > 0 {
		c.tell("add-a", map[string]any{"host": name + ".", "addresses": addresses})
	}
}

// CAA says who may issue for a name; without issuers, anybody.
func (c *CA) CAA(name string, issuers ...string) {
	c.t.Helper()
	c.tell("clear-caa", map[string]any{"host": name + "."})
	for _, i := range issuers {
		c.tell("add-caa", map[string]any{"host": name + ".", "policies": []map[string]string{{"tag": "issue", "value": i}}})
	}
}

// tell changes what the challenge test server answers.
func (c *CA) tell(what string, message any) {
	c.t.Helper()
	c.post(c.challenges+"/"+what, message)
}

func (c *CA) post(url string, message any) {
	c.t.Helper()
	text, err := json.Marshal(message)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.client.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		c.t.Fatalf("%s: %s %s", url, resp.Status, body)
	}
}

// RenewNow makes the authority want a certificate to be renewed at once (RFC 9773).
func (c *CA) RenewNow(leaf *x509.Certificate) {
	c.t.Helper()
	past := time.Now().UTC().Add(-time.Hour)
	window := fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`, past.Add(-time.Minute).Format(time.RFC3339), past.Format(time.RFC3339))
	c.post("https://"+c.management+"/set-renewal-info/", map[string]string{
		"certificate": pemOf(leaf), "ariResponse": window,
	})
}
