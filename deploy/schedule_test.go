package deploy

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/robfig/cron/v3"

	"csph/platform"
)

func TestAScheduledCommandRunsAtItsTimesUntilANewerVersionTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		v := &vigil{ctx: ctx, retired: make(chan struct{})}
		timing, err := cron.ParseStandard("*/10 * * * *")
		if err != nil {
			t.Fatal(err)
		}
		var runs atomic.Int32
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			v.repeat(timing, func(context.Context) {
				if now := time.Now().UTC(); now.Minute()%10 != 0 || now.Second() != 0 {
					t.Errorf("ran at %s", now)
				}
				runs.Add(1)
				time.Sleep(15 * time.Minute) // longer than to the next time
			})
		}()
		time.Sleep(time.Hour)
		if got := runs.Load(); got != 3 {
			t.Errorf("%d runs in an hour, each of 15 minutes, want 3: they overlap or stop", got)
		}
		v.retire()
		<-ended
	})
}

func TestOneSphereletIsOnDutyUnlessAllAreWanted(t *testing.T) {
	v := &vigil{posts: map[string]*post{
		"sph_2": {Spherelet: platform.Spherelet{ID: "sph_2"}, ready: true}, "sph_1": {Spherelet: platform.Spherelet{ID: "sph_1"}, ready: true},
		"sph_0": {Spherelet: platform.Spherelet{ID: "sph_0"}}, "sph_3": {Spherelet: platform.Spherelet{ID: "sph_3"}, ready: true, excused: true},
	}}
	names := func(all bool) (ids []string) {
		for _, s := range v.onDuty(all) {
			ids = append(ids, s.ID)
		}
		return ids
	}
	if one, all := names(false), names(true); !slices.Equal(one, []string{"sph_1"}) || !slices.Equal(all, []string{"sph_1", "sph_2"}) {
		t.Errorf("on duty are %v and %v", one, all)
	}
}

var errAway = errors.New("away")

// lone is an engine that answers questions; nothing else of it is used.
type lone struct {
	Engine
	asked []string
	exit  int
	err   error
}

func (l *lone) Ask(_ context.Context, _ string, command []string) (int, string, error) {
	l.asked = append(l.asked, command[len(command)-1])
	return l.exit, "tidying\nnothing to tidy\n", l.err
}

// notes is a bus that remembers what was published.
type notes struct{ said []string }

func (n *notes) Publish(_ context.Context, e platform.Event) (platform.Event, error) {
	n.said = append(n.said, e.Message)
	return e, nil
}

func TestTheEndOfAScheduledCommandIsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, bus := &lone{exit: 3}, &notes{}
		d := New(Config{Engine: engine, Bus: bus})
		defer d.Close()
		v := &vigil{ctx: t.Context(), posts: map[string]*post{"sph_1": {Spherelet: platform.Spherelet{ID: "sph_1"}, ready: true}}}
		d.runSchedule(t.Context(), platform.Deployment{}, v, platform.Schedule{Command: "tidy", Dir: "it's here"})
		engine.err = errAway
		d.runSchedule(t.Context(), platform.Deployment{}, v, platform.Schedule{Command: "tidy"})
		if want := []string{`cd 'it'\''s here' && tidy`, "tidy"}; !slices.Equal(engine.asked, want) {
			t.Errorf("ran %q, want %q", engine.asked, want)
		}
		want := []string{`"tidy" in sph_1 ended with status 3 after 0s: nothing to tidy`, `"tidy" in sph_1 could not be run: away`}
		if !slices.Equal(bus.said, want) {
			t.Errorf("said %q, want %q", bus.said, want)
		}
	})
}
