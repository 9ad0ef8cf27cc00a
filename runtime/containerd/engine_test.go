package containerd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestADeclaredSetRunsAndFollowsItsCount(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Count = 3
	first := r.apply(set)
	addrs := map[netip.AddrPort]bool{}
	for _, s := range first {
		addrs[s.Address] = true
		if got, err := r.ask(s.Address, "/"); err != nil || got != "hello from dep_1" {
			t.Errorf("%s: %q, %v", s.ID, got, err)
		}
	}
	if len(addrs) != 3 {
		t.Errorf("three spherelets have the addresses %v", addrs)
	}
	set.Count, set.Env = 1, map[string]string{"PORT": "9999"}
	if fewer := r.apply(set); fewer[0].ID != first[0].ID || fewer[0].Address != first[0].Address {
		t.Errorf("of %v %v was kept", first, fewer)
	}
	set.Count = 2
	for _, s := range r.apply(set) {
		if got, err := r.ask(s.Address, "/"); err != nil || got != "hello from dep_1" {
			t.Errorf("after a change of count, %s: %q, %v", s.ID, got, err)
		}
	}
	r.remove("dep_1")
	if left := r.eng.Spherelets("dep_1"); len(left) != 0 {
		t.Errorf("after the removal: %v", left)
	}
}

func TestAProcessThatEndsIsStartedAgain(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	if _, err := r.ask(s.Address, "/write", "path", "/kept", "text", "before the crash"); err != nil {
		t.Fatal(err)
	}
	r.ask(s.Address, "/exit", "code", "7")
	after := r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.Running && s.Exits == 1 })
	if after.ID != s.ID || after.Address != s.Address || after.LastExit == nil || after.LastExit.Code != 7 || after.LastExit.OOM || after.LastExit.Error != "" {
		t.Errorf("was %+v, is %+v, exit %+v", s, after, after.LastExit)
	}
	r.answers(s.Address)
	if got, err := r.ask(s.Address, "/read", "path", "/kept"); err != nil || got != "before the crash" {
		t.Errorf("its files after the restart: %q, %v", got, err)
	}
	r.ask(s.Address, "/exit", "code", "0")
	second := r.until("dep_1", func(s platform.Spherelet) bool { return s.Exits == 2 && s.State == platform.Running })
	if pause := second.Started.Sub(second.LastExit.At); pause < time.Second {
		t.Errorf("the second restart came after %v", pause)
	}
}

func TestDeathByMemoryIsToldFromOtherEnds(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name, path, key, value string
		want                   platform.Exit
	}{
		{"the process itself eats too much", "/eat", "mb", "700", platform.Exit{Code: 137, OOM: true}},
		{"a child of it eats too much", "/child", "mb", "700", platform.Exit{Code: 3, OOM: true}},
		{"it exits with the same code", "/exit", "code", "137", platform.Exit{Code: 137}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dep := "dep_" + c.value + c.path[1:]
			s := r.apply(r.set(dep))[0]
			go r.ask(s.Address, c.path, c.key, c.value)
			got := r.until(dep, func(s platform.Spherelet) bool { return s.Exits == 1 })
			if e := got.LastExit; e.Code != c.want.Code || e.OOM != c.want.OOM {
				t.Errorf("exit %+v, want %+v", *e, c.want)
			}
			r.remove(dep)
		})
	}
}

func TestWhatCannotBeStartedSaysWhy(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		change func(*platform.Set)
		want   string
	}{
		{func(s *platform.Set) { s.Command = []string{"gunicorn", "app:app"} }, "the command gunicorn was not found in the image"},
		{func(s *platform.Set) { s.Command = []string{"/bin/none"} }, "the command /bin/none was not found in the image"},
		{func(s *platform.Set) { s.Command = []string{"/etc/passwd"} }, "the command /etc/passwd in the image cannot be executed: permission denied"},
		{func(s *platform.Set) { s.Image.Ref = "test.invalid/none:1" }, "image test.invalid/none:1 is not in the engine's store"},
	} {
		set := r.set("dep_1")
		c.change(&set)
		if err := r.eng.Apply(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		s := r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.BackOff })
		if s.LastExit == nil || !strings.Contains(s.LastExit.Error, c.want) || s.Exits != 1 {
			t.Errorf("exits %d, %+v; want %q", s.Exits, s.LastExit, c.want)
		}
		r.remove("dep_1")
	}
}

func TestGraceIsGivenAndEnds(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Env["STOP_AFTER"] = "300ms"
	s := r.apply(set)[0]
	began := time.Now()
	if err := r.eng.Remove(t.Context(), "dep_1", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 300*time.Millisecond || took > 5*time.Second {
		t.Errorf("an app that takes 300 ms to stop was removed in %v", took)
	}
	if log := strings.Join(r.log("dep_1", s.ID), "\n"); !strings.Contains(log, "O stopping") {
		t.Errorf("it was not asked to stop: %s", log)
	}
	set.Deployment, set.Env["STOP_AFTER"] = "dep_2", "1h"
	r.apply(set)
	began = time.Now()
	if err := r.eng.Remove(t.Context(), "dep_2", 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 5*time.Second {
		t.Errorf("an app that does not stop was removed in %v", took)
	}
}

func TestADeploymentThatIsBeingRemovedIsNotDeclaredAgain(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Env["STOP_AFTER"] = "500ms"
	r.apply(set)
	removed := make(chan error, 2)
	for range 2 {
		go func() { removed <- r.eng.Remove(t.Context(), "dep_1", 5*time.Second) }()
	}
	r.until("dep_1", func(s platform.Spherelet) bool { return s.State == platform.Stopping })
	if err := r.eng.Apply(t.Context(), set); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if err := <-removed; err != nil {
			t.Error(err)
		}
	}
	r.apply(set)
	r.remove("dep_1")
	if err := r.eng.Remove(t.Context(), "dep_never", time.Second); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestASetThatMakesNoSenseIsRefused(t *testing.T) {
	e := &Engine{}
	for _, s := range []platform.Set{{}, {Deployment: "dep_1"}, {Deployment: "dep_1", Project: "prj_1", Count: -1}, {Deployment: "../x", Project: "prj_1"}} {
		if err := e.Apply(t.Context(), s); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestARemovalInTheMiddleOfAStartLeavesNothing(t *testing.T) {
	r := newRig(t)
	before := r.inventory()
	for n := range 6 {
		set := r.set(fmt.Sprint("dep_", n))
		set.Count = 2
		if err := r.eng.Apply(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*30*time.Millisecond)
		<-ctx.Done()
		cancel()
		r.remove(set.Deployment)
	}
	r.unchanged(before)
}
