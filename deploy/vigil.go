package deploy

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"csph/platform"
)

// vigil watches the spherelets of one deployment and probes each one whenever it has started. The
// rollout reads from it whether the new spherelets are ready, and the live service which ones may get requests.
type vigil struct {
	check  *platform.Check
	prober Prober
	notify func(vigilNote)
	ctx    context.Context // ends with the vigil

	mu      sync.Mutex
	health  *platform.Health // nil: nobody is asked after being ready
	restart func(context.Context, platform.Spherelet) error
	posts   map[string]*post // by spherelet
	changed chan struct{}    // capacity 1: something is different from the last look

	stop context.CancelFunc
	wg   sync.WaitGroup

	retired chan struct{} // closed when a newer version has taken over
	serving sync.Mutex    // held while the router is told of targets
	over    bool          // a newer version has taken over; guarded by serving
}

// post is one spherelet under watch.
type post struct {
	platform.Spherelet
	ready bool
	// excused ones are about to be stopped: they get no more requests.
	excused bool
	away    bool               // its health check fails: it gets no requests
	last    string             // what the last failed probe said
	quit    context.CancelFunc // of the probe under way
}

// vigilNote is something that happened to a spherelet, for the event log.
type vigilNote struct {
	kind, message string
	spherelet     platform.Spherelet
}

// keepVigil starts watching a deployment. trusted spherelets served before csphd was restarted: those
// that run are ready at once, without a probe.
func (d *Deployer) keepVigil(dep platform.Deployment, svc platform.Service, trusted bool) *vigil {
	ctx, stop := context.WithCancel(d.ctx)
	v := &vigil{
		check: dep.Readiness(), prober: d.Prober, notify: d.noted(dep), ctx: ctx,
		posts: map[string]*post{}, changed: make(chan struct{}, 1), stop: stop, retired: make(chan struct{}),
	}
	if svc.Type == platform.Worker && v.check == nil {
		v.prober = unprobed{d.Prober}
	}
	if trusted {
		for _, s := range d.Engine.Spherelets(dep.ID) {
			v.posts[s.ID] = &post{Spherelet: s, ready: s.State == platform.Running, quit: func() {}}
		}
	}
	states := d.Engine.Watch(ctx, dep.ID)
	v.wg.Go(func() {
		for s := range states {
			v.observe(ctx, s)
		}
	})
	return v
}

// unprobed passes workers, which listen on nothing: they are ready once they run. Health checks are asked.
type unprobed struct{ Prober }

func (unprobed) Ready(context.Context, platform.Spherelet, *platform.Check) (string, error) {
	return "", nil
}

// close ends the watch and waits for its probes to end.
func (v *vigil) close() {
	v.stop()
	v.wg.Wait()
}

// hold keeps the vigil from telling the router anything until the returned func is called.
func (v *vigil) hold() (release func()) {
	if v == nil {
		return func() {}
	}
	v.serving.Lock()
	return v.serving.Unlock
}

// retire ends the vigil's say in what the router does. It is on hold.
func (v *vigil) retire() {
	if v == nil || v.over {
		return
	}
	v.over = true
	v.dismiss()
	close(v.retired)
}

// observe takes in a new state of a spherelet.
func (v *vigil) observe(ctx context.Context, s platform.Spherelet) {
	v.mu.Lock()
	p := v.posts[s.ID]
	if p == nil {
		p = &post{quit: func() {}}
		v.posts[s.ID] = p
	}
	before := p.Spherelet
	p.Spherelet = s
	began := s.State == platform.Running && (before.State != platform.Running || !before.Started.Equal(s.Started))
	if s.State != platform.Running || began {
		p.quit()
		p.ready, p.away, p.last = false, false, ""
	}
	if s.State == platform.Gone {
		delete(v.posts, s.ID)
	}
	if began {
		v.probe(ctx, p)
	}
	v.mu.Unlock()
	v.tell(before, s, began)
	v.touch()
}

// probe asks a spherelet that has started until it is ready. v.mu is held.
func (v *vigil) probe(ctx context.Context, p *post) {
	ctx, p.quit = context.WithTimeoutCause(ctx, failureTimeout(v.check), errNotReady)
	s, quit := p.Spherelet, p.quit
	v.wg.Go(func() {
		defer quit()
		began := time.Now()
		warning, err := v.prober.Ready(ctx, s, v.check)
		v.probed(s.ID, s.Started, warning, err, time.Since(began))
	})
}

var errNotReady = errors.New("not ready in time")

func (v *vigil) probed(id string, started time.Time, warning string, err error, took time.Duration) {
	v.mu.Lock()
	p := v.posts[id]
	if p == nil || !p.Started.Equal(started) || errors.Is(err, context.Canceled) {
		v.mu.Unlock()
		return
	}
	p.ready = err == nil
	if err != nil {
		p.last = err.Error()
	} else {
		v.examine(p)
	}
	s := p.Spherelet
	v.mu.Unlock()
	v.tellProbed(s, warning, err, took)
	v.touch()
}

func (v *vigil) touch() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// look is what a vigil sees at one moment.
type look struct {
	running   int
	ready     []netip.AddrPort
	exits     int // of the spherelet that has exited most often
	lastExit  *platform.Exit
	oom       bool
	unhealthy string // what the last failed probe said
}

func (v *vigil) look() look {
	v.mu.Lock()
	defer v.mu.Unlock()
	var l look
	for _, id := range slices.Sorted(maps.Keys(v.posts)) {
		p := v.posts[id]
		if p.State == platform.Running {
			l.running++
		}
		if p.ready && !p.excused && !p.away {
			l.ready = append(l.ready, p.Address)
		}
		if p.Exits > l.exits {
			l.exits, l.lastExit = p.Exits, p.LastExit
		}
		l.oom = l.oom || p.LastExit != nil && p.LastExit.OOM
		if p.last != "" {
			l.unhealthy = p.last
		}
	}
	return l
}

func failureTimeout(c *platform.Check) time.Duration {
	if c == nil || c.FailureTimeout == 0 {
		return defaultFailureTimeout
	}
	return c.FailureTimeout
}
