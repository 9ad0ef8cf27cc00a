package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
	"csph/store"
)

// world is a Deployer on real records, with a builder, engine, prober and router that do as the test says.
type world struct {
	*deploy.Deployer
	t       *testing.T
	db      *store.DB
	svc     platform.Service
	builder *fakeBuilder
	engine  *fakeEngine
	prober  *fakeProber
	router  *fakeRouter
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, svc: svc, builder: newFakeBuilder(), engine: newFakeEngine(), prober: newFakeProber(), router: newFakeRouter()}
	w.boot()
	return w
}

// boot makes a Deployer on what is there, as csphd does at its start.
func (w *world) boot() {
	w.t.Helper()
	w.Deployer = deploy.New(deploy.Config{
		Records: w.db, Bus: w.db, Builder: w.builder, Engine: w.engine, Prober: w.prober, Router: w.router,
		Logger:   slog.New(slog.DiscardHandler),
		Hosts:    func(s platform.Service) []string { return []string{s.Name + ".localhost"} },
		URL:      func(s platform.Service) string { return "http://" + s.Name + ".localhost" },
		Capacity: deploy.Capacity{Spherelets: 20},
		Secrets: func(_ context.Context, service string, versions map[string]int64) (map[string]string, error) {
			return spelled(versions), nil
		},
		Quota: w.db.QuotaOf,
	})
	if err := w.Resume(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.Deployer.Close)
}

func (w *world) push(revision string) (platform.Deployment, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	return w.Deploy(ctx, deploy.Request{Service: w.svc.ID, Source: source(revision), Trigger: platform.Trigger{Kind: platform.TriggerPush}})
}

// mustPush pushes and expects the deployment to end with status.
func (w *world) mustPush(revision string, status platform.Status) platform.Deployment {
	w.t.Helper()
	d, err := w.push(revision)
	if err != nil {
		w.t.Fatalf("push %s: %v", revision, err)
	}
	if d.Status != status {
		w.t.Fatalf("push %s ended %s (%s: %s), want %s", revision, d.Status, d.Reason, d.Message, status)
	}
	return d
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			w.t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// source is a tree without a build.
type source string

func (s source) Describe() platform.Source {
	return platform.Source{Kind: platform.FromGit, Revision: string(s)}
}

func (s source) Checkout(context.Context) (string, error) {
	return filepath.Join("testdata", "static"), nil
}

// fakeBuilder builds at once unless told to wait or fail.
type fakeBuilder struct {
	mu      sync.Mutex
	fail    error
	release string
	same    bool          // nothing has changed since the live version
	hold    chan struct{} // builds wait for it; nil: they do not
	busy    chan struct{} // builds wait for it to be admitted; nil: they do not
	started chan string   // deployments whose build has begun
	gone    []string      // images forgotten
	orders  []deploy.Build
	open    int   // logs that are open
	ended   []int // after each Close, how many were open
}

func newFakeBuilder() *fakeBuilder { return &fakeBuilder{started: make(chan string, 100)} }

func (b *fakeBuilder) Admit(ctx context.Context, _, _ string, waiting func(string)) (func(), error) {
	b.mu.Lock()
	busy := b.busy
	b.mu.Unlock()
	if busy == nil {
		return func() {}, nil
	}
	waiting("queued behind 1 build")
	select {
	case <-busy:
		return func() {}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (b *fakeBuilder) Build(ctx context.Context, r deploy.Build) (platform.Image, error) {
	b.mu.Lock()
	fail, hold, same := b.fail, b.hold, b.same
	b.orders = append(b.orders, r)
	b.mu.Unlock()
	b.started <- r.Deployment
	if same {
		return r.Last, nil
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return platform.Image{}, ctx.Err()
		}
	}
	return platform.Image{Ref: "csph.local/" + r.Deployment, Digest: "sha256:" + r.Deployment}, fail
}

func (b *fakeBuilder) Pull(_ context.Context, id, ref string) (platform.Image, error) {
	if ref == "missing" {
		return platform.Image{}, &platform.Failure{Reason: platform.ImagePullFailed, Message: "no such tag"}
	}
	return platform.Image{Ref: ref, Digest: "sha256:" + id, Port: 3000}, nil
}

func (b *fakeBuilder) Log(string) (deploy.BuildLog, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
	return &openLog{b, sync.Once{}}, nil
}

func (b *fakeBuilder) Forget(_ context.Context, i platform.Image) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = append(b.gone, i.Ref)
	return nil
}

func (b *fakeBuilder) set(f func(*fakeBuilder)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

// openLog counts as open until it is closed.
type openLog struct {
	builder *fakeBuilder
	closing sync.Once
}

func (l *openLog) Step(string) {}
func (l *openLog) Line(string) {}
func (l *openLog) Close() error {
	l.closing.Do(func() { l.builder.set(func(b *fakeBuilder) { b.open--; b.ended = append(b.ended, b.open) }) })
	return nil
}

// fakeEngine runs every spherelet at once, unless told how they end.
type fakeEngine struct {
	mu       sync.Mutex
	applied  []platform.Set
	story    []string // what was applied and removed, in order
	all      map[string]platform.Spherelet
	watchers []chan platform.Spherelet
	end      *platform.Exit // how new spherelets end, crashLimit times
	once     int            // exit status of RunOnce
	onces    int            // how often it was called
	next     int
}

func newFakeEngine() *fakeEngine { return &fakeEngine{all: map[string]platform.Spherelet{}} }

func (e *fakeEngine) Apply(_ context.Context, set platform.Set) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.applied = append(e.applied, set)
	e.story = append(e.story, "apply "+set.Deployment)
	have := 0
	for _, s := range e.all {
		if s.Deployment == set.Deployment {
			have++
		}
	}
	for _, s := range e.newest(set.Deployment, have-set.Count) {
		s.State = platform.Gone
		e.put(s)
	}
	for range set.Count - have {
		e.next++
		s := platform.Spherelet{
			ID: fmt.Sprintf("sph_%03d", e.next), Deployment: set.Deployment, Service: set.Service, State: platform.Running,
			Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(e.next)}), uint16(set.Port)), Started: time.Now(),
		}
		if e.end != nil {
			s.State, s.Exits, s.LastExit = platform.BackOff, 3, e.end
		}
		e.put(s)
	}
	return nil
}

// newest are the last n spherelets of a deployment. e.mu is held.
func (e *fakeEngine) newest(deployment string, n int) []platform.Spherelet {
	if n <= 0 {
		return nil
	}
	all := e.list(deployment)
	return all[len(all)-n:]
}

// list are the spherelets of a deployment in the order they were made. e.mu is held.
func (e *fakeEngine) list(deployment string) []platform.Spherelet {
	var found []platform.Spherelet
	for _, id := range slices.Sorted(maps.Keys(e.all)) {
		if s := e.all[id]; deployment == "" || s.Deployment == deployment {
			found = append(found, s)
		}
	}
	return found
}

// put makes s the state of its spherelet. e.mu is held.
func (e *fakeEngine) put(s platform.Spherelet) {
	e.all[s.ID] = s
	if s.State == platform.Gone {
		delete(e.all, s.ID)
	}
	for _, w := range e.watchers {
		w <- s
	}
}

func (e *fakeEngine) Watch(ctx context.Context, deployment string) <-chan platform.Spherelet {
	e.mu.Lock()
	defer e.mu.Unlock()
	in, out := make(chan platform.Spherelet, 1000), make(chan platform.Spherelet)
	for _, s := range e.all {
		in <- s
	}
	e.watchers = append(e.watchers, in)
	go func() {
		defer close(out)
		for {
			select {
			case s := <-in:
				if deployment != "" && s.Deployment != deployment {
					continue
				}
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (e *fakeEngine) Spherelets(deployment string) []platform.Spherelet {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list(deployment)
}

func (e *fakeEngine) Tail(string, int) ([]string, error) { return []string{"last words"}, nil }

func (e *fakeEngine) Remove(_ context.Context, deployment string, _ time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.story = append(e.story, "remove "+deployment)
	for _, s := range e.all {
		if s.Deployment == deployment {
			s.State = platform.Gone
			e.put(s)
		}
	}
	return nil
}

func (e *fakeEngine) Restart(_ context.Context, spherelet string, _ time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.all[spherelet]
	if !ok {
		return platform.ErrNotFound
	}
	s.State, s.Exits = platform.BackOff, s.Exits+1
	s.LastExit = &platform.Exit{Code: 143, At: time.Now()}
	e.put(s)
	s.State, s.Started = platform.Running, time.Now()
	e.put(s)
	return nil
}

func (e *fakeEngine) Ask(_ context.Context, spherelet string, command []string) (int, string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.story = append(e.story, "ask "+spherelet+" "+command[len(command)-1])
	return 1, "tidying\nnothing to tidy\n", nil
}

func (e *fakeEngine) RunOnce(_ context.Context, _ platform.Set, _ []string, log deploy.BuildLog) (int, error) {
	log.Line("migrating")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onces++
	return e.once, nil
}

// change edits the spherelets of a deployment.
func (e *fakeEngine) change(deployment string, f func(*platform.Spherelet)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.all {
		if s.Deployment == deployment {
			f(&s)
			e.put(s)
		}
	}
}

func (e *fakeEngine) deployments() []string {
	var ids []string
	for _, s := range e.Spherelets("") {
		if !slices.Contains(ids, s.Deployment) {
			ids = append(ids, s.Deployment)
		}
	}
	slices.Sort(ids)
	return ids
}

// fakeProber passes everything while healthy; otherwise it waits for its context. Health checks pass while well.
type fakeProber struct {
	mu      sync.Mutex
	healthy bool
	ill     bool
}

func newFakeProber() *fakeProber { return &fakeProber{healthy: true} }

func (p *fakeProber) Ready(ctx context.Context, _ platform.Spherelet, _ *platform.Check) (string, error) {
	p.mu.Lock()
	healthy := p.healthy
	p.mu.Unlock()
	if healthy {
		return "", nil
	}
	<-ctx.Done()
	return "", fmt.Errorf("answered 500: %w", ctx.Err())
}

func (p *fakeProber) Try(context.Context, platform.Spherelet, platform.Check) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ill {
		return errBroken
	}
	return nil
}

func (p *fakeProber) fallIll(ill bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ill = ill
}

func (p *fakeProber) set(healthy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.healthy = healthy
}

// fakeRouter remembers the targets of each service, and what was drained.
type fakeRouter struct {
	mu      sync.Mutex
	fail    error
	targets map[string][]netip.AddrPort
	drained []netip.AddrPort
	hold    chan struct{}
}

func newFakeRouter() *fakeRouter { return &fakeRouter{targets: map[string][]netip.AddrPort{}} }

func (r *fakeRouter) Swap(_ context.Context, service string, _ []string, targets []netip.AddrPort) ([]netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return nil, r.fail
	}
	old := r.targets[service]
	r.targets[service] = slices.Clone(targets)
	return slices.DeleteFunc(slices.Clone(old), func(a netip.AddrPort) bool { return slices.Contains(targets, a) }), nil
}

func (r *fakeRouter) Remove(_ context.Context, service string) []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.targets[service]
	delete(r.targets, service)
	return old
}

func (r *fakeRouter) DrainStreams(context.Context, []netip.AddrPort) (int, error) { return 0, nil }

func (r *fakeRouter) Drain(ctx context.Context, targets []netip.AddrPort, _ time.Duration) (int, error) {
	r.mu.Lock()
	hold := r.hold
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drained = append(r.drained, targets...)
	return 0, nil
}

func (r *fakeRouter) of(service string) []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.targets[service])
}

var errBroken = errors.New("broken")

func (r *fakeRouter) drainedTargets() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.drained)
}

func (e *fakeEngine) sets() []platform.Set {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.applied)
}

func (r *fakeRouter) set(f func(*fakeRouter)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}
