package storetest

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"sync"
	"testing"
	"time"

	"csph/platform"
	"csph/store"
)

// Bus is what the suite demands of a bus.
type Bus interface {
	Publish(ctx context.Context, e platform.Event) (platform.Event, error)
	Subscribe(ctx context.Context, f store.Filter) iter.Seq2[platform.Event, error]
	Events(ctx context.Context, f store.Filter, limit int) ([]platform.Event, error)
	LatestEvents(ctx context.Context, f store.Filter, limit int) ([]platform.Event, error)
	Position(ctx context.Context) (int64, error)
	Trim(ctx context.Context, keep store.Retention) (dropped int64, err error)
}

// busFixture is an empty bus and what every test needs with it.
type busFixture struct {
	Bus
	*fixture
}

// TestBus runs the suite. open returns an empty bus and closes it at the end of the test.
func TestBus(t *testing.T, open func(t *testing.T) Bus) {
	for name, test := range busTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			test(&busFixture{Bus: open(t), fixture: &fixture{t: t, ctx: ctx}})
		})
	}
}

var busTests = map[string]func(*busFixture){
	"AnEventIsKeptWithPositionAndTime": func(f *busFixture) {
		at := time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
		want := platform.Event{Time: at, Service: "s", Deployment: "d", Spherelet: "p", Kind: platform.EventBuild, Status: "RUNNING", Message: "m"}
		got, err := f.Publish(f.ctx, want)
		f.ok(err)
		want.Seq = got.Seq
		same(f.fixture, "event", got, want)
		all, err := f.Events(f.ctx, store.Filter{}, 0)
		f.ok(err)
		same(f.fixture, "number of events", len(all), 1)
		same(f.fixture, "event", all[0], want)
		timed := f.publish("s", "d", 1)[0]
		same(f.fixture, "has a time", timed.Time.IsZero(), false)
		_, err = f.Publish(f.ctx, platform.Event{Service: "s"})
		f.refused(err, platform.ErrInvalid)
	},
	"EventsAreListedInOrderByFilterPositionAndLimit": func(f *busFixture) {
		a, b := f.publish("a", "a1", 5), f.publish("b", "b1", 5)
		f.list(append(a, b...))(f.Events(f.ctx, store.Filter{}, 0))
		f.list(b)(f.Events(f.ctx, store.Filter{Service: "b"}, 0))
		f.list(a)(f.Events(f.ctx, store.Filter{Deployment: "a1"}, 0))
		f.list(nil)(f.Events(f.ctx, store.Filter{Service: "a", Deployment: "b1"}, 0))
		f.list(a[2:4])(f.Events(f.ctx, store.Filter{Service: "a", After: a[1].Seq}, 2))
		f.list(a[3:])(f.LatestEvents(f.ctx, store.Filter{Service: "a"}, 2))
		f.list(b)(f.LatestEvents(f.ctx, store.Filter{After: a[4].Seq}, 0))
	},
	"ThePositionIsThatOfTheLastEvent": func(f *busFixture) {
		none, err := f.Position(f.ctx)
		f.ok(err)
		same(f.fixture, "position", none, 0)
		last := f.publish("a", "", 3)[2]
		p, err := f.Position(f.ctx)
		f.ok(err)
		same(f.fixture, "position", p, last.Seq)
	},
	"AReplayEndsWithTheLastEvent": func(f *busFixture) {
		all := f.publish("a", "", 700) // more than one read takes
		f.publish("b", "", 3)
		f.list(all)(collect(f.Subscribe(f.ctx, store.Filter{Service: "a"}), 0))
		f.list(all[600:])(collect(f.Subscribe(f.ctx, store.Filter{Service: "a", After: all[599].Seq}), 0))
	},
	"AReaderGoesOnWhereItStopped": func(f *busFixture) {
		all := f.publish("a", "", 10)
		first, err := collect(f.Subscribe(f.ctx, store.Filter{Live: true}), 4)
		f.list(all[:4])(first, err)
		f.list(all[4:])(collect(f.Subscribe(f.ctx, store.Filter{After: first[3].Seq}), 0))
	},
	"AnEventPublishedWhileNobodyReadsIsNotMissed": func(f *busFixture) {
		events := f.Subscribe(f.ctx, store.Filter{Live: true})
		all := f.publish("a", "", 1)
		f.list(all)(collect(events, 1))
	},
	"ALiveReaderIsWokenByWhatItWaitsFor": func(f *busFixture) {
		events, stop := iter.Pull2(f.Subscribe(f.ctx, store.Filter{Deployment: "mine", Live: true}))
		defer stop()
		for i := range 20 {
			var want platform.Event
			var wg sync.WaitGroup
			wg.Go(func() {
				f.publish("s", "other", 1)
				want = f.publish("s", "mine", 1)[0]
			})
			got, err, ok := events()
			wg.Wait()
			f.ok(err)
			same(f.fixture, fmt.Sprintf("event %d came", i), ok, true)
			same(f.fixture, "event", got, want)
		}
	},
	"ALiveReaderEndsWithItsContext": func(f *busFixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		defer cancel()
		f.publish("a", "", 1)
		for e, err := range f.Subscribe(ctx, store.Filter{Live: true}) {
			if err != nil {
				f.refused(err, context.Canceled)
				return
			}
			same(f.fixture, "service", e.Service, "a")
			cancel()
		}
		f.t.Fatal("the subscription ended without saying why")
	},
	"ReadersSeeEveryEventOnceInOrderWhilePublishersRace": racing,
	"AReaderThatStandsStillHoldsUpNobody": func(f *busFixture) {
		first := f.publish("a", "", 1)[0]
		events, stop := iter.Pull2(f.Subscribe(f.ctx, store.Filter{Live: true}))
		defer stop()
		got, err, _ := events() // and now it does not read any more
		f.ok(err)
		same(f.fixture, "event", got, first)
		rest := f.publish("a", "", 1500)
		f.list(rest[:300])(collect(f.Subscribe(f.ctx, store.Filter{After: first.Seq, Live: true}), 300))
		for _, want := range rest {
			got, err, _ := events()
			f.ok(err)
			same(f.fixture, "event", got, want)
		}
	},
	"TrimKeepsTheNewestOfEachService": func(f *busFixture) {
		a, b := f.publish("a", "", 30), f.publish("b", "", 5)
		dropped, err := f.Trim(f.ctx, store.Retention{Rows: 10})
		f.ok(err)
		same(f.fixture, "dropped", dropped, 20)
		f.list(append(a[20:], b...))(f.Events(f.ctx, store.Filter{}, 0))
		c := f.publish("a", "", 1)[0]
		same(f.fixture, "positions still grow", c.Seq > b[4].Seq, true)
	},
	"TrimDropsWhatIsTooOld": func(f *busFixture) {
		_, err := f.Publish(f.ctx, platform.Event{Service: "a", Kind: "x", Time: time.Now().Add(-2 * time.Hour)})
		f.ok(err)
		young := f.publish("a", "", 1)
		dropped, err := f.Trim(f.ctx, store.Retention{Age: time.Hour})
		f.ok(err)
		same(f.fixture, "dropped", dropped, 1)
		f.list(young)(f.Events(f.ctx, store.Filter{}, 0))
		dropped, err = f.Trim(f.ctx, store.Retention{})
		f.ok(err)
		same(f.fixture, "dropped without a limit", dropped, 0)
	},
	"PositionsAreNotGivenOutAgainAfterEverythingWasTrimmed": func(f *busFixture) {
		last := f.publish("a", "", 5)[4]
		_, err := f.Publish(f.ctx, platform.Event{Service: "a", Kind: "x", Time: time.Unix(1, 0)})
		f.ok(err)
		_, err = f.Trim(f.ctx, store.Retention{Age: time.Nanosecond})
		f.ok(err)
		f.list(nil)(f.Events(f.ctx, store.Filter{}, 0))
		same(f.fixture, "positions still grow", f.publish("a", "", 1)[0].Seq > last.Seq+1, true)
	},
}

// racing publishes from several goroutines to several services under readers of each kind.
func racing(f *busFixture) {
	const publishers, each, services = 4, 500, 3
	var writers, readers sync.WaitGroup
	for p := range publishers {
		writers.Go(func() {
			for i := range each {
				_, err := f.Publish(f.ctx, platform.Event{Service: fmt.Sprint(i % services), Deployment: fmt.Sprint(p), Kind: "x", Message: fmt.Sprint(i)})
				if err != nil {
					f.t.Error(err)
					return
				}
			}
		})
	}
	filters := []struct {
		filter store.Filter
		want   int
	}{
		{store.Filter{Live: true}, publishers * each},
		{store.Filter{Live: true}, publishers * each},
		{store.Filter{Service: "0", Live: true}, publishers * ((each + services - 1) / services)},
		{store.Filter{Deployment: "1", Live: true}, each},
		{store.Filter{Service: "1", Deployment: "2", Live: true}, (each + services - 2) / services},
	}
	got := make([][]platform.Event, len(filters))
	for i, c := range filters {
		readers.Go(func() {
			var err error
			if got[i], err = collect(f.Subscribe(f.ctx, c.filter), c.want); err != nil {
				f.t.Errorf("reader %d after %d events: %v", i, len(got[i]), err)
			}
		})
	}
	writers.Wait()
	readers.Wait()
	for i, c := range filters {
		c.filter.Live = false
		f.list(got[i])(f.Events(f.ctx, c.filter, 0))
	}
}

// publish publishes n events in order.
func (f *busFixture) publish(service, deployment string, n int) []platform.Event {
	f.t.Helper()
	var all []platform.Event
	for i := range n {
		e, err := f.Publish(f.ctx, platform.Event{Service: service, Deployment: deployment, Kind: platform.EventStatus, Message: fmt.Sprint(i)})
		if err != nil {
			f.t.Error(err)
			return all
		}
		if len(all) > 0 && e.Seq <= all[len(all)-1].Seq {
			f.t.Errorf("position %d follows position %d", e.Seq, all[len(all)-1].Seq)
		}
		all = append(all, e)
	}
	return all
}

// list returns a function that fails unless the events it gets are these.
func (f *busFixture) list(want []platform.Event) func([]platform.Event, error) {
	return func(got []platform.Event, err error) {
		f.t.Helper()
		f.ok(err)
		if len(got) == 0 && len(want) == 0 {
			return
		}
		if !reflect.DeepEqual(got, want) {
			f.t.Fatalf("%d events %v; want %d %v", len(got), got, len(want), want)
		}
	}
}

// collect reads events until there are n of them, or to the end with n 0.
func collect(events iter.Seq2[platform.Event, error], n int) ([]platform.Event, error) {
	var all []platform.Event
	for e, err := range events {
		if err != nil {
			return all, err
		}
		if all = append(all, e); len(all) == n {
			break
		}
	}
	return all, nil
}
