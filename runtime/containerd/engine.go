package containerd

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"go.jetify.com/typeid/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"csph/host"
	"csph/platform"
)

const (
	defaultLogBytes = 10 << 20
	defaultLogKeep  = 3
	// startsAtOnce bounds the starts under way after a boot with many services.
	startsAtOnce = 16
)

// Engine runs sets of spherelets. Run must be running for anything to happen: Apply, Recover, Remove and
// RunOnce block until it does, or their context ends. All methods may be called from any goroutine.
type Engine struct {
	cfg     Config
	inst    *host.Instance
	ctrd    *client.Client
	remap   bool   // spherelets get user namespaces; set by Recover
	noRemap string // why not

	hub      *hub
	addrs    *addresses
	recruits chan *member
	starting chan struct{} // a token for each start under way
	unpacks  singleflight.Group

	declaring sync.Mutex // held while the declaration of a set is changed and written down
	mu        sync.Mutex
	sets      map[string]*set // by deployment
	ooms      map[string]time.Time
}

// New connects to the instance's containerd, which need not run yet, and makes the parents of the cgroups
// that it will use. It starts nothing.
func New(cfg Config) (*Engine, error) {
	if cfg.LogBytes == 0 {
		cfg.LogBytes, cfg.LogKeep = defaultLogBytes, defaultLogKeep
	}
	cfg.BoostTime = cmp.Or(cfg.BoostTime, BoostTime)
	if err := cfg.Instance.PrepareCgroups(); err != nil {
		return nil, err
	}
	if err := cfg.Instance.DaemonCgroup("shims").Apply(host.Limits{}); err != nil {
		return nil, err
	}
	ctrd, err := client.New(cfg.Socket(), client.WithDefaultNamespace(Namespace), client.WithTimeout(time.Second))
	if err != nil {
		return nil, fmt.Errorf("connect to containerd: %w", err)
	}
	return &Engine{
		cfg: cfg, inst: cfg.Instance, ctrd: ctrd,
		hub: newHub(), addrs: newAddresses(cfg.Instance),
		recruits: make(chan *member), starting: make(chan struct{}, startsAtOnce),
		sets: map[string]*set{}, ooms: map[string]time.Time{},
	}, nil
}

// Run supervises the spherelets until ctx ends, then returns once it has let go of them; they go on running.
func (e *Engine) Run(ctx context.Context) error {
	defer e.ctrd.Close()
	var crew errgroup.Group
	crew.Go(func() error {
		e.followOOMs(ctx)
		return nil
	})
	for {
		select {
		case m := <-e.recruits:
			crew.Go(func() error {
				m.run(ctx)
				return nil
			})
		case <-ctx.Done():
			return crew.Wait()
		}
	}
}

// Apply declares the set of a deployment: it is written down and its spherelets are being started when
// Apply returns. A second Apply for the same deployment changes its count and nothing else.
func (e *Engine) Apply(ctx context.Context, declared platform.Set) error {
	if !fileName(declared.Deployment) || declared.Project == "" || declared.Count < 0 {
		return fmt.Errorf("%w: a set needs a deployment, a project and a count, not %q, %q and %d", platform.ErrInvalid, declared.Deployment, declared.Project, declared.Count)
	}
	e.declaring.Lock()
	defer e.declaring.Unlock()
	e.mu.Lock()
	s, known := e.sets[declared.Deployment]
	e.mu.Unlock()
	if known && s.ending {
		return fmt.Errorf("%w: deployment %s is being removed", platform.ErrConflict, declared.Deployment)
	}
	if known {
		count := declared.Count
		declared = s.declared
		declared.Count = count
	}
	if err := e.writeSet(declared); err != nil {
		return err
	}
	if !known {
		s = &set{}
		e.mu.Lock()
		e.sets[declared.Deployment] = s
		e.mu.Unlock()
	}
	s.declared = declared
	return e.settle(ctx, s)
}

// fileName reports whether an id can be the name of a file.
func fileName(id string) bool { return id != "" && id == filepath.Base(id) && id[0] != '.' }

// settle brings the number of a set's members to what is declared; the newest go first. The caller holds declaring.
func (e *Engine) settle(ctx context.Context, s *set) error {
	members := e.membersOf(s)
	for _, m := range members[min(len(members), s.declared.Count):] {
		m.end(s.declared.Grace)
	}
	for range s.declared.Count - len(members) {
		id, err := typeid.Generate(platform.SphereletPrefix)
		if err != nil {
			return fmt.Errorf("make a spherelet id: %w", err)
		}
		n, addr, err := e.addrs.take(s.declared.Project)
		if err != nil {
			return err
		}
		j := job{e: e, set: s.declared, id: id.String(), net: n, addr: addr}
		if err := e.recruit(ctx, s, newMember(j, s)); err != nil {
			return err
		}
	}
	return nil
}

// recruit hands m over to Run.
func (e *Engine) recruit(ctx context.Context, s *set, m *member) error {
	e.mu.Lock()
	s.members = append(s.members, m)
	e.mu.Unlock()
	m.publish(platform.Starting)
	select {
	case e.recruits <- m:
		return nil
	case <-ctx.Done():
		e.dismiss(m)
		return fmt.Errorf("start spherelet %s: %w", m.id, context.Cause(ctx))
	}
}

// dismiss forgets m, which does not run any more or never did.
func (e *Engine) dismiss(m *member) {
	if err := e.addrs.release(m.set.Project, m.addr); err != nil {
		e.cfg.Logger.Warn("an address was not given back", "spherelet", m.id, "err", err)
	}
	e.mu.Lock()
	m.of.members = slices.DeleteFunc(m.of.members, func(o *member) bool { return o == m })
	e.mu.Unlock()
	e.forgetOOM(m.id)
	m.publish(platform.Gone)
}

// membersOf lists the members of a set that are not on their way out, the oldest first.
func (e *Engine) membersOf(s *set) []*member {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.members), (*member).ending)
}

// Watch streams the state of each spherelet of a deployment, all for "": the full current state first, then
// every change, until ctx ends; the channel then closes. A slow reader sees only the newest state of each
// spherelet, and never misses the last one.
func (e *Engine) Watch(ctx context.Context, deployment string) <-chan platform.Spherelet {
	return e.hub.watch(ctx, deployment)
}

// Spherelets lists those of a deployment, all for "", as they are now, in the order they were made.
func (e *Engine) Spherelets(deployment string) []platform.Spherelet { return e.hub.list(deployment) }
