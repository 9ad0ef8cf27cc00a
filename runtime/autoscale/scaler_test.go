package autoscale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"csph/platform"
)

// fleet is one service under a load that is shared evenly by its spherelets, in a bubble of fake time.
type fleet struct {
	mu sync.Mutex // guards what is below
	Subject
	load    float64 // vCPUs that are asked for
	room    int     // spherelets that there is room for; 0: any number
	busy    error   // what Scale says
	off     bool    // the service is not autoscaled
	broken  error   // what Subjects says
	counts  []string
	limits  []string
	used    map[string]time.Duration
	charged time.Time
	made    int
}

// set changes what is asked of the fleet.
func (f *fleet) set(change func(f *fleet)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.charge()
	change(f)
}

func (f *fleet) grow(count int) {
	f.charge()
	for len(f.Ready) < count {
		f.made++
		f.Ready = append(f.Ready, platform.Spherelet{ID: fmt.Sprint("sph_", f.made), Started: time.Now()})
	}
	f.Ready = f.Ready[:count]
	f.Count = count
}

// charge adds up what the spherelets have used since the last time; none uses more than its shape has.
func (f *fleet) charge() {
	for _, s := range f.Ready {
		each := min(f.load/float64(len(f.Ready)), float64(f.Shape.MilliCPU)/1000)
		f.used[s.ID] += time.Duration(each * float64(time.Since(f.charged)))
	}
	f.charged = time.Now()
}

func (f *fleet) Subjects(context.Context) ([]Subject, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off || f.broken != nil {
		return nil, f.broken
	}
	s := f.Subject
	s.Ready = slices.Clone(s.Ready)
	return []Subject{s}, nil
}

func (f *fleet) Used(id string) (time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.charge()
	used, ok := f.used[id]
	if !ok {
		return 0, platform.ErrNotFound
	}
	return used, nil
}

func (f *fleet) Scale(_ context.Context, s Subject, to Decision) (o Outcome, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy != nil {
		return o, f.busy
	}
	o.Count = to.Count
	if f.room > 0 && to.Count > f.room {
		o = Outcome{Count: max(s.Count, f.room), Short: fmt.Errorf("%w: there is room for %d", platform.ErrCapacity, f.room)}
	}
	if o.Count != s.Count {
		f.counts = append(f.counts, fmt.Sprintf("%d: %s", o.Count, to.Why))
		f.grow(o.Count)
	}
	return o, nil
}

func (f *fleet) Limited(_ context.Context, _ Subject, to Decision, o Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limits = append(f.limits, fmt.Sprintf("%d of %d: %v", o.Count, to.Count, o.Short))
}

// underLoad runs a scaler over a fleet of one spherelet that has started long ago.
func underLoad(t *testing.T, p platform.Autoscale, test func(t *testing.T, f *fleet)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{Subject: Subject{Service: "svc_1", Policy: p, Shape: platform.Shape{MilliCPU: 250}}, used: map[string]time.Duration{}, charged: time.Now()}
		f.grow(1)
		time.Sleep(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		s := New(Config{Every: 15 * time.Second, DownAfter: 5 * time.Minute, Settle: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}, f)
		go func() { done <- s.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		test(t, f)
	})
}

// pass lets time pass, and the scaler come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (f *fleet) expect(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.counts, want) {
		t.Errorf("the counts were %q, want %q", f.counts, want)
	}
	f.counts = nil
}

func TestALoadBringsSphereletsAndItsEndTakesThemAway(t *testing.T) {
	underLoad(t, platform.Autoscale{Min: 1, Max: 5, CPU: 70}, func(t *testing.T, f *fleet) {
		pass(time.Minute)
		f.expect(t)
		f.set(func(f *fleet) { f.load = 0.6 }) // of 0.25 each: 3.4 spherelets at 70 %
		pass(30 * time.Second)
		f.expect(t, "2: CPU at 100 %, over 70 %")
		pass(2 * time.Minute) // new ones start first, then they are seen, one look later
		f.expect(t, "3: CPU at 100 %, over 70 %", "4: CPU at 80 %, over 70 %")
		f.set(func(f *fleet) { f.load = 0 })
		pass(4*time.Minute + 30*time.Second)
		f.expect(t)
		pass(time.Minute)
		f.expect(t, "1: CPU at 0 %, under 70 %")
	})
}

func TestASpikeThatIsShorterThanTheWindowLeavesNoSawtooth(t *testing.T) {
	underLoad(t, platform.Autoscale{Min: 1, Max: 5, CPU: 70}, func(t *testing.T, f *fleet) {
		for range 6 {
			f.set(func(f *fleet) { f.load = 0.3 })
			pass(time.Minute)
			f.set(func(f *fleet) { f.load = 0 })
			pass(3 * time.Minute)
		}
		f.expect(t, "2: CPU at 100 %, over 70 %")
	})
}

func TestWhatAStartUsesIsNoLoad(t *testing.T) {
	underLoad(t, platform.Autoscale{Min: 1, Max: 5, CPU: 70}, func(t *testing.T, f *fleet) {
		pass(14 * time.Second) // one look comes a second after the start, the next one fifteen later
		f.set(func(f *fleet) { f.load, f.Ready[0].Started = 1, time.Now() })
		pass(17 * time.Second)
		f.set(func(f *fleet) { f.load = 0 })
		pass(2 * time.Minute)
		for range 10 { // it crashes again and again, and uses all it has
			f.set(func(f *fleet) { f.load, f.Ready[0].Started = 1, time.Now() })
			pass(14 * time.Second)
		}
		f.expect(t)
	})
}

func TestWantingMoreThanThereIsRoomForIsToldOnce(t *testing.T) {
	underLoad(t, platform.Autoscale{Min: 1, Max: 5, CPU: 70}, func(t *testing.T, f *fleet) {
		f.set(func(f *fleet) { f.room, f.load = 1, 2 })
		pass(3 * time.Minute)
		f.expect(t)
		if want := []string{"1 of 2: capacity exceeded: there is room for 1"}; !slices.Equal(f.limits, want) {
			t.Errorf("told %q, want %q", f.limits, want)
		}
		f.set(func(f *fleet) { f.load = 0.1 })
		pass(time.Minute)
		f.set(func(f *fleet) { f.load = 2 })
		pass(time.Minute)
		if len(f.limits) != 2 {
			t.Errorf("the next time told %q", f.limits)
		}
		f.set(func(f *fleet) { f.room = 0 })
		pass(15 * time.Second)
		f.expect(t, "2: CPU at 100 %, over 70 %")
	})
}

func TestAServiceThatIsBeingDeployedOrReadBadlyIsScaledLater(t *testing.T) {
	for name, fail := range map[string]func(f *fleet, err error){
		"deployed": func(f *fleet, err error) { f.set(func(f *fleet) { f.busy = err }) },
		"read":     func(f *fleet, err error) { f.set(func(f *fleet) { f.broken = err }) },
	} {
		underLoad(t, platform.Autoscale{Min: 1, Max: 2, CPU: 70}, func(t *testing.T, f *fleet) {
			f.set(func(f *fleet) { f.load = 1 })
			fail(f, fmt.Errorf("%w: a deployment is under way", platform.ErrConflict))
			pass(5 * time.Minute)
			f.expect(t)
			fail(f, errors.New("the disk is full"))
			pass(5 * time.Minute)
			f.expect(t)
			fail(f, nil)
			pass(45 * time.Second)
			if len(f.counts) != 1 {
				t.Errorf("%s: %q", name, f.counts)
			}
		})
	}
}

func TestTurnedOffItLeavesTheCountAlone(t *testing.T) {
	underLoad(t, platform.Autoscale{Min: 1, Max: 4, CPU: 70}, func(t *testing.T, f *fleet) {
		f.set(func(f *fleet) { f.load = 1 })
		pass(30 * time.Second)
		f.expect(t, "2: CPU at 100 %, over 70 %")
		f.set(func(f *fleet) { f.off = true })
		pass(10 * time.Minute)
		f.expect(t)
		f.set(func(f *fleet) { f.off, f.load = false, 0 })
		pass(4 * time.Minute) // what was advised before does not count any more, but what there is does
		f.expect(t)
		pass(2 * time.Minute)
		f.expect(t, "1: CPU at 0 %, under 70 %")
	})
}

func TestReadingsOfTwoProcessesAreNoUse(t *testing.T) {
	now := time.Now()
	shape := platform.Shape{MilliCPU: 500}
	before := reading{at: now, started: now.Add(-time.Hour), used: time.Second}
	for name, r := range map[string]reading{
		"started anew": {at: now.Add(time.Second), started: now, used: 2 * time.Second},
		"made anew":    {at: now.Add(time.Second), started: before.started, used: time.Millisecond},
		"same moment":  {at: now, started: before.started, used: 2 * time.Second},
	} {
		if use, ok := r.since(before, shape); ok {
			t.Errorf("%s: %.0f %%", name, use)
		}
	}
	r := reading{at: now.Add(2 * time.Second), started: before.started, used: 1500 * time.Millisecond}
	if use, ok := r.since(before, shape); !ok || use != 50 {
		t.Errorf("%.1f %%, %v", use, ok)
	}
	if _, ok := r.since(reading{}, shape); ok {
		t.Error("one reading makes a use")
	}
}
