package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"csph/router/cert/pebbletest"
	"csph/test/port"
)

// TestDomains runs the manual's part on domains, against a csphd whose certificate authority and DNS are the test's.
func TestDomains(t *testing.T) {
	if testing.Short() {
		t.Skip("starts containers")
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp("/tmp", "csph-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, bin: bin, state: state, http: port.Reserve(t), https: port.Reserve(t), ssh: port.Reserve(t), api: port.Reserve(t)}
	ca := pebbletest.Start(t, pebbletest.Config{HTTPPort: portOf(s.http), TLSPort: portOf(s.https), BadNonces: 5})
	s.args = []string{"--config", settings(t, fmt.Sprintf(`
warm_bases: false
acme:
  email: ops@example.test
  directories: [{url: %q, roots: %q}]
domains:
  addresses: [127.0.0.1]
  resolvers: [%q]
`, ca.Directory, ca.TrustFile, ca.Resolver))}
	t.Cleanup(s.destroy)
	s.start()
	s.makeKey()
	p := params(s, testscript.Params{Dir: "testdata/domains"})
	setup := p.Setup
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("HTTPS_PORT", fmt.Sprint(portOf(s.https)))
		return setup(env)
	}
	p.Cmds["dns"] = func(ts *testscript.TestScript, neg bool, args []string) { dnsCommand(ts, ca, neg, args) }
	p.Cmds["roots"] = func(ts *testscript.TestScript, neg bool, args []string) { rootsCommand(ts, ca, neg, args) }
	p.Cmds["interrupt"] = func(ts *testscript.TestScript, neg bool, args []string) { interruptCommand(ts, s, ca, neg, args) }
	p.Cmds["accounts"] = func(ts *testscript.TestScript, neg bool, args []string) {
		fmt.Fprintf(ts.Stdout(), "%d accounts\n", ca.Accounts())
	}
	p.Cmds["selfsigned"] = selfSigned
	testscript.Run(t, p)
}

func portOf(addr string) int { return int(netip.MustParseAddrPort(addr).Port()) }

// dns NAME [ADDRESS]: what the public DNS says of a name from now on.
func dnsCommand(ts *testscript.TestScript, ca *pebbletest.CA, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: dns NAME [ADDRESS]")
	}
	ca.A(args[0], args[1:]...)
}

// roots FILE: the certificate that the authority's certificates are trusted by.
func rootsCommand(ts *testscript.TestScript, ca *pebbletest.CA, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: roots FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), ca.RootPEM(), 0o600))
}

// interrupt NAME SERVICE: a domain is added, and once a certificate is on order for it everybody stops where they
// are: the authority is frozen, csphd is killed and started again, and the authority goes on.
func interruptCommand(ts *testscript.TestScript, s *server, ca *pebbletest.CA, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: interrupt NAME SERVICE")
	}
	before := ca.Orders()
	add := exec.Command(filepath.Join(s.bin, "csph"), "domains", "add", args[0], "--service", args[1])
	add.Env = append(os.Environ(), "CSPH_URL=http://"+s.api, "CSPH_TOKEN="+s.token())
	ts.Check(add.Start())
	defer func() { ts.Check(add.Wait()) }()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for ca.Orders() == before && ctx.Err() == nil { // the authority has csphd wait for a second then
		time.Sleep(5 * time.Millisecond)
	}
	thaw := ca.Freeze()
	defer thaw()
	ts.Check(s.signal(syscall.SIGKILL))
	found, err := filepath.Glob(filepath.Join(s.state, "certificates", "certificates", "*", args[0], "*.crt"))
	ts.Check(err)
	if len(found) > 0 {
		ts.Fatalf("the certificate was there before csphd was killed: %v", found)
	}
	thaw()
	ts.Check(s.tryStart())
}

// tinyapp DIR: a service that needs no base image: a Dockerfile, and a binary made here.
func tinyApp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tinyapp DIR")
	}
	dir := ts.MkAbs(args[0])
	source := filepath.Join(ts.Getenv("APPS"), "go-hello")
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(ts.Exec("sh", "-c", "cd "+source+" && HOME=/root CGO_ENABLED=0 go build -o "+filepath.Join(dir, "app")+" ."))
	ts.Check(os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY app /app\nEXPOSE 8080\nCMD [\"/app\"]\n"), 0o644))
}

// selfsigned NAME CERT KEY: a certificate of one's own, in two files.
func selfSigned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: selfsigned NAME CERT KEY")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "a certificate of one's own"}, DNSNames: []string{args[0]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
