package cert

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"csph/platform"
	"csph/router/cert/dnscheck"
	"csph/router/localca"
)

// Config wires a Keeper. Every field is required but where it says otherwise.
type Config struct {
	Records Records
	Bus     Bus
	DNS     DNS
	Ledger  Ledger
	// Storage keeps accounts, keys and certificates; processes that share it share them.
	Storage certmagic.Storage
	// Directories are the authorities, in the order in which they are asked; later ones when earlier ones cannot or will not.
	Directories []Directory
	Ports       Ports
	// Providers change zones for DNS-01, which wildcards need; may be empty.
	Providers []Provider
	// Resolvers find out when such a change is visible, host:port; none means the zones' own name servers.
	Resolvers []string
	// Local issues for private names and for the apps domain.
	Local *localca.Authority
	// Expect is where the DNS should send a domain: the server's addresses and the service's own host.
	Expect func(ctx context.Context, d platform.Domain) dnscheck.Expect
	// Responders carries questions about certificates to the OCSP responders that these name, which whoever uploads a
	// certificate chooses; nil: nobody is asked.
	Responders http.RoundTripper
	Logger     *slog.Logger
	// Waits say how long to wait before trying again; zero fields take their defaults.
	Waits Waits
}

// Waits are how long a domain waits before it is looked at again; each doubles with every try up to the longest.
type Waits struct {
	DNS, DNSLongest     time.Duration // for records to appear: 10 s, 10 min
	Order, OrderLongest time.Duration // after an order has failed: 1 min, 6 h
	Staple              time.Duration // between two questions to an OCSP responder, at least: 10 min
}

func (w Waits) withDefaults() Waits {
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&w.DNS, 10 * time.Second}, {&w.DNSLongest, 10 * time.Minute}, {&w.Order, time.Minute}, {&w.OrderLongest, 6 * time.Hour}, {&w.Staple, 10 * time.Minute}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	return w
}

// workers bounds the domains that are worked on at the same time.
const workers = 8

// Keeper keeps domains in certificates. All methods are safe for concurrent use.
type Keeper struct {
	Config
	authorities []*authority // answer HTTP-01 and TLS-ALPN-01
	dns         map[*Provider][]*authority
	cache       *certmagic.Cache
	sites       *sites

	wake      chan struct{} // holds a value when there may be something to do
	unstapled chan struct{} // holds a value when there may be a certificate without its OCSP answer

	mu    sync.Mutex
	busy  map[string]*work // domains being worked on, by id
	plans map[string]plan  // of certificates, by id of their domain
}

// work is what is being done for a domain.
type work struct {
	ended  chan struct{} // closed
	cancel context.CancelFunc
}

// New prepares a Keeper; Load and then Run make it work, Close must be called in the end.
func New(c Config) *Keeper {
	c.Waits = c.Waits.withDefaults()
	k := &Keeper{
		Config: c, sites: newSites(), wake: make(chan struct{}, 1), unstapled: make(chan struct{}, 1),
		busy: map[string]*work{}, plans: map[string]plan{}, dns: map[*Provider][]*authority{},
	}
	// certmagic wants a cache, whose maintenance has nothing to do: no certificate is ever put into it.
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) {
			return nil, fmt.Errorf("certificates are not renewed from the cache")
		},
		Logger: zap.NewNop(),
	})
	for _, d := range c.Directories {
		k.authorities = append(k.authorities, newAuthority(d, c.Storage, k.cache, c.Ports, nil, c.Logger))
		for i := range c.Providers {
			p := &k.Providers[i]
			k.dns[p] = append(k.dns[p], newAuthority(d, c.Storage, k.cache, c.Ports, p.solver(c.Resolvers, c.Logger), c.Logger))
		}
	}
	return k
}

// Close frees what New took. Run must have returned; certificates go on being served.
func (k *Keeper) Close() {
	k.cache.Stop()
	for _, a := range k.authorities {
		a.client.CloseIdleConnections()
	}
}

// Load makes the certificates that are in storage the ones that are served. It is to be called once,
// before there are listeners.
func (k *Keeper) Load(ctx context.Context) error {
	all, err := k.Records.Domains(ctx, "")
	if err != nil {
		return err
	}
	changes := make(map[string]*site, len(all))
	for _, d := range all {
		if d.Certificate.Source != platform.FromHost {
			changes[d.Name] = k.siteOf(d, k.stored(ctx, d))
		}
	}
	k.sites.put(changes)
	return nil
}

// Run works on domains until ctx ends, then waits for what it has begun. It returns nil.
func (k *Keeper) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	if k.Responders != nil {
		working.Go(func() { newStapler(k).run(ctx) })
	}
	slots := make(chan struct{}, workers)
	for {
		began := time.Now()
		next := k.start(ctx, &working, slots)
		rest := time.Now().Add(restFactor * time.Since(began))
		if !sleep(ctx, next, k.wake) || !sleep(ctx, rest, nil) {
			return nil
		}
	}
}

// restFactor keeps looking through all domains, which each of them can ask for, to a tenth of one CPU.
const restFactor = 9

// sleep waits until a time, or less when woken. It reports false when ctx has ended.
func sleep(ctx context.Context, until time.Time, woken <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
		return false
	}
	return true
}

// idle is how long Run sleeps when nothing is due.
const idle = time.Minute

// start begins work on every domain that is due, and returns when the next one is.
func (k *Keeper) start(ctx context.Context, working *sync.WaitGroup, slots chan struct{}) time.Time {
	now := time.Now()
	next := now.Add(idle)
	all, err := k.Records.Domains(ctx, "")
	if err != nil {
		if ctx.Err() == nil {
			k.Logger.Error("domains cannot be read; trying again", "in", idle, "err", err)
		}
		return next
	}
	for _, d := range all {
		due := k.due(d)
		if due.IsZero() {
			continue
		}
		if due.After(now) {
			next = earlier(next, due)
			continue
		}
		one, cancel := context.WithCancel(ctx)
		done, free := k.claim(d.ID, cancel)
		if !free {
			cancel()
			continue // whoever is at it wakes Run
		}
		working.Go(func() {
			defer done()
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				k.work(one, d.ID)
			case <-one.Done():
			}
		})
	}
	return next
}

// Wake makes Run look for domains that are due.
func (k *Keeper) Wake() { signal(k.wake) }

// signal puts a value into a channel that has place for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// claim takes a domain for the caller, unless another one has it. done gives it back, calls cancel and wakes Run.
func (k *Keeper) claim(id string, cancel context.CancelFunc) (done func(), free bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy[id] != nil {
		return nil, false
	}
	w := &work{ended: make(chan struct{}), cancel: cancel}
	k.busy[id] = w
	return func() {
		k.mu.Lock()
		delete(k.busy, id)
		k.mu.Unlock()
		cancel()
		close(w.ended)
		k.Wake()
	}, true
}

// abandon ends what is being done for a domain.
func (k *Keeper) abandon(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w := k.busy[id]; w != nil {
		w.cancel()
	}
}

// await is claim that waits for its turn.
func (k *Keeper) await(ctx context.Context, id string) (done func(), err error) {
	for {
		if done, free := k.claim(id, func() {}); free {
			return done, nil
		}
		k.mu.Lock()
		w := k.busy[id]
		k.mu.Unlock()
		if w == nil {
			continue
		}
		select {
		case <-w.ended:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the work on the domain: %w", ctx.Err())
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
