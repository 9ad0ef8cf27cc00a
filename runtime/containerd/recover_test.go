package containerd

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/vishvananda/netlink"

	"csph/host"
	"csph/platform"
)

// pidOf tells one process of a spherelet from the next.
func (r *rig) pidOf(spherelet string) int {
	r.t.Helper()
	pids, err := r.inst.AppCgroup(spherelet).Processes()
	if err != nil || len(pids) != 1 {
		r.t.Fatalf("%s has the processes %v, %v", spherelet, pids, err)
	}
	return pids[0]
}

func TestARestartOfCsphdTouchesNoSpherelet(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Count = 2
	before := r.apply(set)
	r.ask(before[1].Address, "/exit", "code", "7")
	r.until("dep_1", func(s platform.Spherelet) bool { return s.Exits == 1 && s.State == platform.Running })
	r.answers(before[1].Address)
	pids := []int{r.pidOf(before[0].ID), r.pidOf(before[1].ID)}
	r.restartEngine()
	after := r.eng.Spherelets("dep_1")
	if len(after) != 2 {
		t.Fatalf("found %v", after)
	}
	for k, s := range after {
		if s.ID != before[k].ID || s.Address != before[k].Address || r.pidOf(s.ID) != pids[k] || s.Exits != k || s.State != platform.Running || s.Started.Sub(before[k].Started).Abs() > time.Minute {
			t.Errorf("was %+v with pid %d, is %+v with pid %d", before[k], pids[k], s, r.pidOf(s.ID))
		}
	}
	if e := after[1].LastExit; e == nil || e.Code != 7 {
		t.Errorf("the last exit is remembered as %+v", e)
	}
	set.Count = 3
	r.apply(set)
	r.remove("dep_1")
}

func TestAnExitWhileCsphdWasAwayIsNoticed(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	r.stop()
	r.ask(s.Address, "/eat", "mb", "700")
	r.startEngine()
	after := r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.Running && s.Exits == 1 })
	if after.ID != s.ID || after.LastExit.Code != 137 || !after.LastExit.OOM {
		t.Errorf("%+v, exit %+v", after, after.LastExit)
	}
	r.answers(after.Address)
}

func TestARemovalThatWasCutShortIsFinished(t *testing.T) {
	r := newRig(t)
	before := r.inventory()
	set := r.set("dep_1")
	set.Env["STOP_AFTER"] = "1h"
	r.apply(set)
	ctx, cancel := context.WithCancel(t.Context())
	removed := make(chan error, 1)
	go func() { removed <- r.eng.Remove(ctx, "dep_1", time.Hour) }()
	r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.Stopping })
	r.stop()
	cancel()
	if err := <-removed; err == nil {
		t.Error("Remove claims to have done it")
	}
	r.startEngine()
	r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.Stopping })
	r.remove("dep_1")
	r.unchanged(before)
}

func TestContainerdsDeathTouchesNoSpherelet(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Count = 2
	all := r.apply(set)
	pids := []int{r.pidOf(all[0].ID), r.pidOf(all[1].ID)}
	r.killContainerd()
	if _, err := r.ask(all[0].Address, "/"); err != nil {
		t.Errorf("while containerd was dead: %v", err)
	}
	r.awaitContainerd()
	r.ask(all[0].Address, "/exit", "code", "7")
	after := r.until("dep_1", func(s platform.Spherelet) bool {
		return s.ID == all[0].ID && s.State == platform.Running && s.Exits == 1
	})
	if after.LastExit.Code != 7 {
		t.Errorf("exit %+v", after.LastExit)
	}
	if other, _ := r.eng.hub.get(all[1].ID); other.Exits != 0 || r.pidOf(all[1].ID) != pids[1] {
		t.Errorf("the other spherelet was started again: %+v", other)
	}
	r.answers(after.Address)
	go r.ask(after.Address, "/eat", "mb", "700")
	r.until("dep_1", func(s platform.Spherelet) bool { return s.Exits == 2 && s.LastExit.OOM })
	r.remove("dep_1")
}

func TestAnExitWhileContainerdWasDeadIsNoticed(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	r.killContainerd()
	r.ask(s.Address, "/exit", "code", "7")
	after := r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.Running && s.Exits == 1 })
	if after.LastExit.Error != "" {
		t.Errorf("exit %+v", after.LastExit)
	}
	r.answers(after.Address)
	r.remove("dep_1")
}

func (r *rig) killContainerd() {
	r.t.Helper()
	pid := r.ctrd.PID()
	r.check(syscall.Kill(pid, syscall.SIGKILL))
	deadline := time.Now().Add(patience)
	for r.ctrd.PID() == pid { // until its supervisor has noticed
		if time.Now().After(deadline) {
			r.t.Fatal("containerd does not die")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAfterARebootEverySetComesBack(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Count = 2
	before := r.apply(set)
	set.Deployment = "dep_2"
	r.apply(set)
	r.stop()
	r.powerOff()
	r.awaitContainerd()
	if err := r.inst.Fence(t.Context(), host.Openings{}); err != nil {
		t.Fatal(err)
	}
	r.startEngine()
	for k, s := range r.await("dep_1", 2) {
		if s.ID != before[k].ID || s.Address != before[k].Address {
			t.Errorf("was %+v, is %+v", before[k], s)
		}
	}
	r.await("dep_2", 2)
	r.remove("dep_1")
	r.remove("dep_2")
}

// powerOff ends everything that a reboot ends, and lets containerd begin again.
func (r *rig) powerOff() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	r.killContainerd()
	for _, c := range []host.Cgroup{r.inst.AppsCgroup(), r.inst.DaemonCgroup("")} {
		r.check(c.Kill(ctx))
		r.check(c.Remove(ctx))
	}
	links, err := netlink.LinkList()
	r.check(err)
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, "cs"+r.inst.ID) {
			if err := netlink.LinkDel(l); err != nil && !errors.Is(err, syscall.ENODEV) {
				r.t.Fatal(err)
			}
		}
	}
}

func TestWhatAttemptsLeftWithoutAContainerIsSweptAtBoot(t *testing.T) {
	r := newRig(t)
	img, err := r.eng.ctrd.GetImage(t.Context(), appImage)
	r.check(err)
	r.check(img.Unpack(t.Context(), snapshotter))
	before := r.inventory()
	id := "sph_01half00000000000000000000"
	_, err = r.eng.ctrd.LeasesService().Create(t.Context(), leases.WithID(leasePrefix+id), leases.WithExpiration(time.Hour))
	r.check(err)
	c, err := r.eng.ctrd.NewContainer(leases.WithLease(t.Context(), leasePrefix+id), id, client.WithSnapshotter(snapshotter), client.WithNewSnapshot(id, img), client.WithNewSpec())
	r.check(err)
	r.check(c.Delete(t.Context())) // leaves the file system
	r.check(r.inst.AppCgroup(id).Apply(host.Limits{}))
	r.check((&job{e: r.eng, id: id, addr: r.inst.Apps.Addr()}).writeFiles())
	if now := strings.Join(r.inventory(), "\n"); strings.Count(now, id) < 4 {
		t.Fatalf("the remains were not made:\n%s", now)
	}
	r.restartEngine()
	r.unchanged(before)
}

func TestASetWhoseContainersAreLostIsMadeAnew(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	r.stop()
	other, err := New(r.cfg)
	r.check(err)
	defer other.ctrd.Close()
	r.check((&job{e: other, id: s.ID, addr: s.Address.Addr()}).remove(t.Context(), 0))
	r.startEngine()
	r.await("dep_1", 1)
	r.remove("dep_1")
}
