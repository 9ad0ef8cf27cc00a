package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"csph/platform"
	"csph/router/cert/budget"
	"csph/router/cert/dnscheck"
	"csph/router/cert/pebbletest"
	"csph/router/localca"
	"csph/test/port"
)

// patience is how long a test waits for what must happen.
const patience = 40 * time.Second

// book keeps domains in memory as the records do, and what was published.
type book struct {
	mu      sync.Mutex
	domains map[string]platform.Domain
	events  []platform.Event
}

func newBook() *book { return &book{domains: map[string]platform.Domain{}} }

func (b *book) add(d platform.Domain) platform.Domain {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.ID = fmt.Sprintf("dom_%02d", len(b.domains))
	d.Created = time.Now()
	b.domains[d.ID] = d
	return d
}

func (b *book) remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.domains, id)
}

func (b *book) Domains(context.Context, string) ([]platform.Domain, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Values(b.domains)), nil
}

func (b *book) Domain(_ context.Context, id string) (platform.Domain, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.domains[id]
	if !ok {
		return d, platform.ErrNotFound
	}
	return d, nil
}

func (b *book) UpdateDomain(_ context.Context, id string, change func(*platform.Domain) error) (platform.Domain, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.domains[id]
	if !ok {
		return d, platform.ErrNotFound
	}
	if err := change(&d); err != nil {
		return d, err
	}
	b.domains[id] = d
	return d, nil
}

func (b *book) AdvanceDomain(ctx context.Context, id string, from platform.DomainStatus, move platform.DomainMove, set func(*platform.Domain)) (platform.Domain, error) {
	return b.UpdateDomain(ctx, id, func(d *platform.Domain) error {
		if d.Status != from {
			return platform.ErrConflict
		}
		to, err := platform.NextDomain(from, move)
		if err != nil {
			return err
		}
		if set != nil {
			set(d)
		}
		d.Status = to
		return nil
	})
}

func (b *book) Publish(_ context.Context, e platform.Event) (platform.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	return e, nil
}

// statuses are those that events have told of.
func (b *book) statuses() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Kind == platform.EventDomainStatus {
			all = append(all, e.Status)
		}
	}
	return all
}

func (b *book) count(kind string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// world is a Keeper with the ports that authorities look at, and everything it needs.
type world struct {
	*Keeper
	t      *testing.T
	zone   string
	ca     *pebbletest.CA
	book   *book
	config Config
	now    func() *Keeper // the one that answers on the ports
	set    func(*Keeper)

	stop func() // ends Run and closes the keeper
}

// options change a world before it starts.
type options struct {
	ca     pebbletest.Config
	limits budget.Limits
	no80   bool // the authority finds nothing at the port of HTTP
	before func(*Config)
}

// worlds numbers them: certmagic keeps the validations of a process by their name alone.
var worlds atomic.Int64

func open(t *testing.T, o options) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, book: newBook(), zone: fmt.Sprintf("world%d.test", worlds.Add(1))}
	var mu sync.Mutex
	var current *Keeper
	w.now = func() *Keeper { mu.Lock(); defer mu.Unlock(); return current }
	w.set = func(k *Keeper) { mu.Lock(); defer mu.Unlock(); current = k }
	plain, secure := w.listen()
	o.ca.HTTPPort, o.ca.TLSPort = portOf(plain), portOf(secure)
	if o.no80 {
		o.ca.HTTPPort = portOf(port.Reserve(t)) // nobody listens there
	}
	w.ca = pebbletest.Start(t, o.ca)
	local, err := localca.Open(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	w.config = Config{
		Records: w.book, Bus: w.book, DNS: &dnscheck.Checker{Resolvers: []string{w.ca.Resolver}},
		Ledger: budget.New(storage, time.Now), Storage: storage,
		Directories: []Directory{{URL: w.ca.Directory, Email: "ops@example.test", Roots: trust(t, w.ca.TrustFile), Limits: o.limits}},
		Ports:       Ports{HTTP: plain, HTTPS: secure}, Local: local,
		Expect: func(context.Context, platform.Domain) dnscheck.Expect {
			return dnscheck.Expect{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
		},
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
		Waits:  Waits{DNS: 50 * time.Millisecond, DNSLongest: 100 * time.Millisecond, Order: 100 * time.Millisecond, OrderLongest: 500 * time.Millisecond},
	}
	if o.before != nil {
		o.before(&w.config)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// listen serves validations over HTTP and handshakes over TLS by the present keeper.
func (w *world) listen() (plain, secure string) {
	w.t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		host, _, _ := net.SplitHostPort(q.Host)
		if answer, ok := w.now().Challenge([]byte(host), []byte(q.URL.Path)); ok {
			_, _ = out.Write(answer)
			return
		}
		http.NotFound(out, q)
	}))
	w.t.Cleanup(web.Close)
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) { _, _ = out.Write([]byte("app")) }))
	app.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	app.Listener = tls.NewListener(app.Listener, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return TLSConfig(w.now().GetCertificate, "http/1.1"), nil
	}})
	app.Start()
	w.t.Cleanup(app.Close)
	return web.Listener.Addr().String(), app.Listener.Addr().String()
}

func portOf(addr string) int { return int(netip.MustParseAddrPort(addr).Port()) }

func trust(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("read %s: %v", file, err)
	}
	return pool
}

// start runs a keeper of the same records and storage: a restart.
func (w *world) start() {
	w.t.Helper()
	w.Keeper = New(w.config)
	if err := w.Load(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.set(w.Keeper)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	k := w.Keeper
	go func() { ended <- k.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
		k.Close()
	})
}

// name is a host of the world's own zone.
func (w *world) name(label string) string { return label + "." + w.zone }

// restart stops the keeper and starts another one.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

// add adds a domain that leads here.
func (w *world) add(name string) platform.Domain {
	w.t.Helper()
	w.ca.A(strings.Replace(name, "*.", "csph-check.", 1), "127.0.0.1")
	return w.addOnly(name)
}

// addOnly adds a domain without making its records.
func (w *world) addOnly(name string) platform.Domain {
	w.t.Helper()
	d, err := w.Draft("svc_1", name, 0, false)
	if err != nil {
		w.t.Fatal(err)
	}
	d = w.book.add(d)
	w.Added(w.t.Context(), d)
	return d
}

// await waits until a domain is in a status, for a reason.
func (w *world) await(id string, status platform.DomainStatus, reason platform.DomainReason) platform.Domain {
	w.t.Helper()
	var d platform.Domain
	w.eventually(func() error {
		d, _ = w.book.Domain(w.t.Context(), id)
		if d.Status != status || d.State.Reason != reason {
			return fmt.Errorf("%s is %s (%+v); want %s (%s)", d.Name, d.Status, d.State, status, reason)
		}
		return nil
	})
	return d
}

// told waits for an event: they follow the records.
func (w *world) told(kind string) {
	w.t.Helper()
	w.eventually(func() error {
		if w.book.count(kind) == 0 {
			return fmt.Errorf("there is no event %s", kind)
		}
		return nil
	})
}

func (w *world) eventually(try func() error) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("gave up: %v\nstatuses: %v", err, w.book.statuses())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// handshake connects by name as a client that trusts the authority's root, and returns the certificate.
func (w *world) handshake(name string) (*x509.Certificate, error) {
	return handshake(w.config.Ports.HTTPS, name, w.ca.Roots())
}

func handshake(addr, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	c, err := tls.DialWithDialer(dialer, "tcp", addr, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// served fails unless name is served with a certificate of the authority.
func (w *world) served(name string) *x509.Certificate {
	w.t.Helper()
	leaf, err := w.handshake(name)
	if err != nil {
		w.t.Fatalf("handshake for %s: %v", name, err)
	}
	return leaf
}

// isAlert reports whether err is the TLS alert for a name that nobody knows.
func isAlert(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unrecognized name")
}
