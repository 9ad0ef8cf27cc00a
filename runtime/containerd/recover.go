package containerd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"

	"csph/platform"
)

// Recover compares what should run with what does, and returns when every spherelet that runs is supervised
// again: sets that lost some, as after a reboot, are being started, and what belongs to no set is being
// removed. Call it once, after containerd is ready and Run has been started, before anything is declared.
func (e *Engine) Recover(ctx context.Context) error {
	if err := e.chooseRemap(ctx); err != nil {
		return err
	}
	e.declaring.Lock()
	defer e.declaring.Unlock()
	declared, err := e.readSets()
	if err != nil {
		return err
	}
	running, err := e.ctrd.ContainerService().List(ctx, `labels."`+labelDeployment+`"`)
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	if err := e.sweep(ctx, running); err != nil {
		return err
	}
	e.mu.Lock()
	for id, d := range declared {
		e.sets[id] = &set{declared: d}
	}
	e.mu.Unlock()
	members, err := e.readoptAll(ctx, running)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(declared)) {
		if err := e.settle(ctx, e.setOf(id)); err != nil {
			return fmt.Errorf("recover the set of %s: %w", id, err)
		}
	}
	return awaitFound(ctx, members)
}

// awaitFound waits until every member knows whether it has a process.
func awaitFound(ctx context.Context, members []*member) error {
	for _, m := range members {
		select {
		case <-m.found:
		case <-ctx.Done():
			return fmt.Errorf("recover spherelet %s: %w", m.id, context.Cause(ctx))
		}
	}
	return nil
}

// chooseRemap decides whether spherelets get user namespaces of their own.
func (e *Engine) chooseRemap(ctx context.Context) error {
	capabilities, err := e.ctrd.GetSnapshotterCapabilities(ctx, snapshotter)
	if err != nil {
		return fmt.Errorf("ask containerd what its snapshots can do: %w", err)
	}
	barrier, passable := e.inst.Passable()
	switch {
	case !slices.Contains(capabilities, "remap-ids"):
		e.noRemap = "this kernel cannot shift the owners of files by mounting them (idmapped mounts; for overlayfs Linux 5.19 or later)"
	case !passable:
		e.noRemap = fmt.Sprintf("the folder %s does not let other users pass; chmod o+x %s and start csphd again", barrier, barrier)
	default:
		e.noRemap = ""
	}
	if e.noRemap != "" {
		e.cfg.Logger.Warn("spherelets run without user namespaces of their own", "why", e.noRemap)
	}
	e.remap = e.noRemap == ""
	return nil
}

// UserNamespaces reports whether spherelets get user namespaces of their own, and if not, why. It is known
// after Recover.
func (e *Engine) UserNamespaces() (ok bool, why string) { return e.remap, e.noRemap }

// setOf returns the set of a deployment; one that is not declared is made, on its way out.
func (e *Engine) setOf(deployment string) *set {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.sets[deployment]
	if !ok {
		s = &set{ending: true}
		e.sets[deployment] = s
	}
	return s
}

func (e *Engine) readoptAll(ctx context.Context, running []containers.Container) ([]*member, error) {
	slices.SortFunc(running, func(a, b containers.Container) int { return strings.Compare(a.ID, b.ID) })
	var members []*member
	for _, c := range running {
		m, err := e.readopt(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("recover container %s: %w", c.ID, err)
		}
		members = append(members, m)
	}
	return members, nil
}

// readopt makes a member of a container that is there already. Without a set that wants it, it is removed.
func (e *Engine) readopt(ctx context.Context, c containers.Container) (*member, error) {
	s := e.setOf(c.Labels[labelDeployment])
	j, err := e.jobOf(c, s)
	if err != nil {
		return nil, err
	}
	m := newMember(j, s)
	m.loadExits(c.Labels)
	switch {
	case j.single:
		m.end(0)
	case s.ending:
		m.end(j.set.Grace)
	}
	return m, e.recruit(ctx, s, m)
}

// jobOf reads a job back from the labels of its container.
func (e *Engine) jobOf(c containers.Container, s *set) (job, error) {
	addr, err := netip.ParseAddr(c.Labels[labelAddress])
	if err != nil {
		return job{}, fmt.Errorf("read its address: %w", err)
	}
	j := job{e: e, set: s.declared, id: c.ID, addr: addr, single: c.Labels[labelOnce] != ""}
	if s.ending {
		grace, err := time.ParseDuration(c.Labels[labelGrace])
		if err != nil {
			return job{}, fmt.Errorf("read its grace: %w", err)
		}
		j.set = platform.Set{
			Deployment: c.Labels[labelDeployment], Service: c.Labels[labelService], Project: c.Labels[labelProject], Grace: grace,
		}
	}
	j.net, err = e.addrs.claim(j.set.Project, addr)
	return j, err
}

// sweep removes what attempts that were cut short have left without a container: leases, file systems,
// cgroups, mounted files.
func (e *Engine) sweep(ctx context.Context, running []containers.Container) error {
	known := map[string]bool{}
	for _, c := range running {
		known[c.ID] = true
	}
	return errors.Join(e.sweepLeases(ctx), e.sweepSnapshots(ctx, known), e.sweepCgroups(ctx, known))
}

func (e *Engine) sweepLeases(ctx context.Context) error {
	held, err := e.ctrd.LeasesService().List(ctx)
	if err != nil {
		return fmt.Errorf("list leases: %w", err)
	}
	for _, l := range held {
		if !strings.HasPrefix(l.ID, leasePrefix+platform.SphereletPrefix+"_") {
			continue
		}
		if err := e.ctrd.LeasesService().Delete(ctx, l); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("delete lease %s: %w", l.ID, err)
		}
	}
	return nil
}

func (e *Engine) sweepSnapshots(ctx context.Context, known map[string]bool) error {
	snap := e.ctrd.SnapshotService(snapshotter)
	var orphans []string
	err := snap.Walk(ctx, func(_ context.Context, s snapshots.Info) error {
		if strings.HasPrefix(s.Name, platform.SphereletPrefix+"_") && !known[s.Name] {
			orphans = append(orphans, s.Name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list file systems: %w", err)
	}
	for _, id := range orphans {
		j := job{e: e, id: id}
		if err := errors.Join(snap.Remove(ctx, id), j.removeFiles()); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove the file system of %s: %w", id, err)
		}
	}
	return nil
}

func (e *Engine) sweepCgroups(ctx context.Context, known map[string]bool) error {
	names, err := e.inst.AppsCgroup().Children()
	if err != nil {
		return err
	}
	for _, name := range names {
		if known[name] {
			continue
		}
		group := e.inst.AppCgroup(name)
		if err := errors.Join(group.Kill(ctx), group.Remove(ctx)); err != nil {
			return err
		}
	}
	return nil
}
