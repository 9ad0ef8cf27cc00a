package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"csph/platform"
)

// Config wires a Deployer. Every field is required but where it says otherwise.
type Config struct {
	Records Records
	Bus     Bus
	Builder Builder
	Engine  Engine
	Prober  Prober
	Router  Router
	Logger  *slog.Logger

	// Hosts lists the host names that lead to a service; the first is its URL's.
	Hosts func(platform.Service) []string
	// URL is where a service is reached, as shown to people.
	URL func(platform.Service) string

	// Secrets reads the values of those versions of a service's secrets.
	Secrets func(ctx context.Context, service string, versions map[string]int64) (map[string]string, error)
	// Quota is what an account may use, and what it uses without service but. Nil: accounts have no quotas.
	Quota func(ctx context.Context, account, but string) (limit, used platform.Quota, err error)

	Capacity Capacity
	// Regions are where spherelets can run; none: services name no region.
	Regions platform.Regions
	// BuildTimeout is the hard limit of a build; 0 means 60 minutes (SPEC section 3).
	BuildTimeout time.Duration
	// Restorable is how many deployments of a service keep their image; 0 means 10 (SPEC section 2).
	Restorable int
	// Remind is how often a rollout that waits for its spherelets says so; 0 means 20 s.
	Remind time.Duration
}

// Capacity is what all live spherelets together may take; zero fields are no limit.
type Capacity struct {
	Spherelets int
	MilliCPU   int64
	Memory     int64 // bytes
}

// Deployer takes deployments through their phases. All methods are safe for concurrent use.
type Deployer struct {
	Config

	ctx  context.Context // the server's: outlives every client
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	lines    map[string]*line    // by service
	attempts map[string]*attempt // by deployment, while under way
	tended   map[string]*vigil   // by service, while live
	closed   bool                // takes no new deployments: Quiesce
	entering int                 // deployments that are being recorded
	settled  chan struct{}       // closed, and replaced, whenever a deployment settles or stops entering
}

const (
	defaultBuildTimeout   = 60 * time.Minute
	defaultRestorable     = 10
	defaultFailureTimeout = 300 * time.Second
	defaultDrain          = 30 * time.Second
	defaultGrace          = 30 * time.Second
	abortGrace            = 2 * time.Second // for spherelets that never served
	writeTimeout          = 10 * time.Second
	crashLimit            = 3 // exits of one new spherelet that fail the rollout
	tailLines             = 20
)

// New returns a Deployer that has taken nothing up yet: call Resume before the router listens.
func New(c Config) *Deployer {
	if c.BuildTimeout == 0 {
		c.BuildTimeout = defaultBuildTimeout
	}
	if c.Restorable == 0 {
		c.Restorable = defaultRestorable
	}
	if c.Remind == 0 {
		c.Remind = defaultRemind
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Deployer{
		Config: c, ctx: ctx, stop: stop,
		lines: map[string]*line{}, attempts: map[string]*attempt{}, tended: map[string]*vigil{},
		settled: make(chan struct{}),
	}
}

// Close stops whatever is under way where it stands and waits for it to have stopped. Spherelets keep
// running and unfinished deployments are taken up by the next Resume.
func (d *Deployer) Close() {
	d.stop()
	d.wg.Wait()
}

// publish puts an event on the bus. A bus that fails must not stop a rollout: the error is logged.
func (d *Deployer) publish(dep platform.Deployment, e platform.Event) {
	e.Service, e.Deployment, e.Time = dep.Service, dep.ID, time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), writeTimeout)
	defer cancel()
	if _, err := d.Bus.Publish(ctx, e); err != nil {
		d.Logger.Error("event is lost", "kind", e.Kind, "deployment", dep.ID, "err", err)
	}
}

// advance moves a deployment on: the record with the event of its new status and, behind that, the others.
func (d *Deployer) advance(dep platform.Deployment, move platform.Move, set func(*platform.Deployment), others ...platform.Event) (platform.Deployment, error) {
	to, err := platform.Next(dep.Status, move)
	if err != nil {
		return dep, fmt.Errorf("deployment %s: %w", dep.ID, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), writeTimeout)
	defer cancel()
	events := append([]platform.Event{{Kind: platform.EventStatus, Status: string(to)}}, others...)
	next, err := d.Records.Advance(ctx, dep.ID, dep.Status, move, set, events...)
	if err != nil {
		return dep, err
	}
	return next, nil
}

// own runs f as a goroutine that Close waits for.
func (d *Deployer) own(f func()) {
	d.wg.Add(1)
	go func() {
		defer d.wg.Done()
		f()
	}()
}
