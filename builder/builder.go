package builder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"golang.org/x/sync/errgroup"

	"csph/daemon"
)

// Builder builds and pulls images. Its methods may be called from any goroutine, once Serve runs.
type Builder struct {
	config Config
	engine *containerd.Client
	daemon *daemon.Process
	gate   *gate
	queue  *queue
	logs   *openLogs
	oom    *oomWatch
	bases  *Bases

	canceled chan struct{} // has one element when a cancelled build has left its disk behind
	built    chan struct{} // has one element when a build has ended since the last collection
	firewall string        // the script in force; only Serve's goroutine touches it

	closing sync.Once
}

// New returns a builder of config. Nothing runs before Serve.
func New(config Config) (*Builder, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	engine, err := containerd.New(config.Containerd)
	if err != nil {
		return nil, fmt.Errorf("connect to containerd: %w", err)
	}
	b := &Builder{
		config: config, engine: engine, gate: newGate(),
		logs: newOpenLogs(config.logPath), oom: newOOMWatch(config.Host.BuildsCgroup().Path()),
		canceled: make(chan struct{}, 1), built: make(chan struct{}, 1),
	}
	b.queue = newQueue(config.Parallel, newRoom(config.Host, config.Limits.Memory).full)
	b.daemon = daemon.New(b.daemonSpec())
	b.bases = newBases(b)
	return b, nil
}

// Bases are the base images that this builder's plans are built on.
func (b *Builder) Bases() *Bases { return b.bases }

// WaitReady blocks until builds can be run, or ctx ends.
func (b *Builder) WaitReady(ctx context.Context) error { return b.daemon.WaitReady(ctx) }

// Daemon is the supervised buildkitd.
func (b *Builder) Daemon() *daemon.Process { return b.daemon }

// mirrorsEvery is how often the addresses of registries in private networks are looked up again.
const mirrorsEvery = 5 * time.Minute

// Serve lays out the network and the cgroups of builds and runs buildkitd until ctx ends. It fails when
// the network cannot be fenced: an unfenced build could reach every app. It needs a running containerd.
func (b *Builder) Serve(ctx context.Context) error {
	if err := b.config.Host.PrepareCgroups(); err != nil {
		return fmt.Errorf("fence the builds: %w", err)
	}
	if err := b.writeConfig(); err != nil {
		return err
	}
	if err := b.applyFirewall(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.daemon.Run(ctx) })
	g.Go(func() error { return b.oom.run(b.inNamespace(ctx), b.engine, b.config.Logger) })
	g.Go(func() error { return b.reclaim(ctx) })
	g.Go(func() error { return b.keepFence(ctx) })
	g.Go(func() error { return b.collect(ctx) })
	err := g.Wait()
	b.closing.Do(func() { err = errors.Join(err, b.engine.Close()) })
	return err
}

// keepFence follows mirrors whose addresses change.
func (b *Builder) keepFence(ctx context.Context) error {
	for pause(ctx, mirrorsEvery) {
		if err := b.applyFirewall(ctx); err != nil {
			b.config.Logger.Error("the network of builds keeps its former rules", "err", err)
		}
	}
	return nil
}

func (b *Builder) inNamespace(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, Namespace)
}
