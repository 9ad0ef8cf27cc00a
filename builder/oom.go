package builder

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/events"
	"github.com/containerd/typeurl/v2"
)

// oomWatch tells which builds had a process killed for memory. The exit code does not: a shell may
// swallow it. containerd's events do, in this order for each step: create, oom, exit. A step is told from other
// containers, and its build from others, by its cgroup.
type oomWatch struct {
	parent string // cgroup above all builds

	mu      sync.Mutex
	steps   map[string]string // running step → cgroup of its build
	killed  map[string]bool   // cgroups of builds
	synced  map[string]bool   // marks seen in the stream
	changed chan struct{}
}

func newOOMWatch(parent string) *oomWatch {
	return &oomWatch{
		parent: strings.TrimSuffix(parent, "/") + "/", steps: map[string]string{}, killed: map[string]bool{}, synced: map[string]bool{},
		changed: make(chan struct{}),
	}
}

// run follows the events until ctx ends, across restarts of containerd.
func (w *oomWatch) run(ctx context.Context, engine *containerd.Client, log *slog.Logger) error {
	for ctx.Err() == nil {
		if err := w.follow(ctx, engine); err != nil && ctx.Err() == nil {
			log.Warn("lost containerd's events; subscribing again", "err", err)
			pause(ctx, time.Second)
		}
	}
	return nil
}

const markTopic = "/csph/mark"

func (w *oomWatch) follow(ctx context.Context, engine *containerd.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ch, errs := engine.Subscribe(ctx,
		`topic=="/containers/create"`, `topic=="/tasks/oom"`, `topic=="/tasks/exit"`, `topic=="/containers/delete"`, `topic=="`+markTopic+`"`)
	for {
		select {
		case e := <-ch:
			w.see(ctx, engine, e)
		case err := <-errs:
			return err
		}
	}
}

func (w *oomWatch) see(ctx context.Context, engine *containerd.Client, e *events.Envelope) {
	v, err := typeurl.UnmarshalAny(e.Event)
	if err != nil {
		return
	}
	switch v := v.(type) {
	case *apievents.ContainerCreate:
		w.created(v.ID, w.buildOf(ctx, engine, v.ID))
	case *apievents.TaskOOM:
		w.outOfMemory(v.ContainerID)
	case *apievents.TaskExit:
		if v.ID == v.ContainerID {
			w.gone(v.ContainerID)
		}
	case *apievents.ContainerDelete:
		w.gone(v.ID)
	case *apievents.ContentDelete:
		w.mark(v.Digest)
	}
}

// buildOf is the cgroup of the build that container id is a step of; empty when it is none.
func (w *oomWatch) buildOf(ctx context.Context, engine *containerd.Client, id string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := engine.LoadContainer(ctx, id)
	if err != nil {
		return ""
	}
	spec, err := c.Spec(ctx)
	if err != nil || spec.Linux == nil {
		return ""
	}
	rest, ok := strings.CutPrefix(spec.Linux.CgroupsPath, w.parent)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return w.parent + name
}

func (w *oomWatch) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *oomWatch) created(id, build string) {
	if build != "" {
		w.change(func() { w.steps[id] = build })
	}
}

func (w *oomWatch) outOfMemory(id string) {
	w.change(func() {
		if build, ok := w.steps[id]; ok {
			w.killed[build] = true
		}
	})
}

func (w *oomWatch) gone(id string) { w.change(func() { delete(w.steps, id) }) }

func (w *oomWatch) mark(id string) { w.change(func() { w.synced[id] = true }) }

// begin forgets what an earlier build in cgroup has left.
func (w *oomWatch) begin(cgroup string) { w.change(func() { delete(w.killed, cgroup) }) }

// verdict reports whether a step of the build in cgroup was killed for memory, and forgets it. It first
// waits, for a second at most, until all that happened before the call has been seen.
func (w *oomWatch) verdict(ctx context.Context, engine *containerd.Client, cgroup string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	mark := fmt.Sprintf("sha256:%064x", time.Now().UnixNano())
	if err := engine.EventService().Publish(ctx, markTopic, &apievents.ContentDelete{Digest: mark}); err == nil {
		w.await(ctx, func() bool { return w.synced[mark] && !w.running(cgroup) })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	killed := w.killed[cgroup]
	delete(w.killed, cgroup)
	delete(w.synced, mark)
	return killed
}

// running reports whether a step of the build has not been seen to exit. The lock is held.
func (w *oomWatch) running(cgroup string) bool {
	for _, c := range w.steps {
		if c == cgroup {
			return true
		}
	}
	return false
}

func (w *oomWatch) await(ctx context.Context, done func() bool) {
	for {
		w.mu.Lock()
		ok, changed := done(), w.changed
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
