package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"csph/platform"
)

var moveTests = map[string]func(*fixture){
	"EveryMoveFromEveryStatusFollowsTheStateMachine": func(f *fixture) {
		for _, status := range platform.Statuses() {
			for _, move := range platform.Moves() {
				f.moves(status, move)
			}
		}
	},
	"AMoveFromAStatusThatIsNotThePresentOneIsRefused": func(f *fixture) {
		d := f.in(platform.Building)
		_, err := f.Advance(f.ctx, d.ID, platform.Queued, platform.StartBuild, nil)
		f.refused(err, platform.ErrConflict)
		_, err = f.Advance(f.ctx, "dep_none", platform.Queued, platform.StartBuild, nil)
		f.refused(err, platform.ErrNotFound)
	},
	"AMoveWritesWhatCameOfIt": func(f *fixture) {
		d := f.in(platform.Building)
		got, err := f.Advance(f.ctx, d.ID, platform.Building, platform.Fail, func(d *platform.Deployment) {
			d.Reason, d.Message, d.Hint, d.Tail, d.URL = platform.BuildFailed, "it broke", "mend it", []string{"x", "y"}, "http://u"
		})
		f.ok(err)
		same(f, "reason", got.Reason, platform.BuildFailed)
		same(f, "texts", strings.Join(append(got.Tail, got.Message, got.Hint, got.URL), "|"), "x|y|it broke|mend it|http://u")
		last := got.History[len(got.History)-1]
		same(f, "last phase", last.Status, platform.Failed)
		same(f, "time has not gone backwards", last.At.Before(got.History[0].At), false)
	},
	"TheImageIsSetOnceByTheEndOfTheBuild": func(f *fixture) {
		set := func(ref string) func(*platform.Deployment) {
			return func(d *platform.Deployment) { d.Image = platform.Image{Ref: ref, Digest: "sha256:" + ref} }
		}
		d := f.deployment(f.service("web"))
		_, err := f.Advance(f.ctx, d.ID, platform.Queued, platform.StartBuild, set("early"))
		f.refused(err, platform.ErrInvalid)
		d = f.carry(d, platform.StartBuild)
		d, err = f.Advance(f.ctx, d.ID, platform.Building, platform.StartRollout, set("a"))
		f.ok(err)
		same(f, "image", d.Image.Ref, "a")
		_, err = f.Advance(f.ctx, d.ID, platform.RollingOut, platform.StartCheck, set("b"))
		f.refused(err, platform.ErrInvalid)

		carried, err := f.CreateDeployment(f.ctx, platform.Deployment{Service: d.Service, Image: d.Image})
		f.ok(err)
		_, err = f.Advance(f.ctx, carried.ID, platform.Queued, platform.StartRollout, set("b"))
		f.refused(err, platform.ErrInvalid)
	},
	"WhatADeploymentWasMadeFromNeverChanges": func(f *fixture) {
		d := f.deployment(f.service("web"))
		for what, change := range map[string]func(*platform.Deployment){
			"id":      func(d *platform.Deployment) { d.ID = "dep_x" },
			"service": func(d *platform.Deployment) { d.Service = "svc_x" },
			"status":  func(d *platform.Deployment) { d.Status = platform.Live },
			"trigger": func(d *platform.Deployment) { d.Trigger.Kind = "x" },
			"source":  func(d *platform.Deployment) { d.Source.Revision = "x" },
			"count":   func(d *platform.Deployment) { d.Config.Count++ },
			"env":     func(d *platform.Deployment) { d.Config.Env = map[string]string{"A": "b"} },
			"history": func(d *platform.Deployment) { d.History[0].Status = platform.Live },
			"time":    func(d *platform.Deployment) { d.Created = d.Created.Add(1) },
		} {
			_, err := f.Advance(f.ctx, d.ID, platform.Queued, platform.StartBuild, change)
			if !errors.Is(err, platform.ErrInvalid) {
				f.t.Errorf("a change of the %s: error is %v; want ErrInvalid", what, err)
			}
		}
		same(f, "status", f.read(d.ID).Status, platform.Queued)
	},
	"OfConcurrentMovesExactlyOneWins": func(f *fixture) {
		s := f.service("web")
		for range 20 {
			d := f.deployment(s)
			var wins atomic.Int32
			var wg sync.WaitGroup
			for _, move := range []platform.Move{platform.StartBuild, platform.Cancel, platform.Supersede, platform.Fail, platform.StartRollout, platform.StartBuild} {
				wg.Go(func() {
					_, err := f.Advance(f.ctx, d.ID, platform.Queued, move, nil)
					switch {
					case err == nil:
						wins.Add(1)
					case !errors.Is(err, platform.ErrConflict):
						f.t.Errorf("move %s: %v", move, err)
					}
				})
			}
			wg.Wait()
			same(f, "number of winners", wins.Load(), 1)
			same(f, "number of phases", len(f.read(d.ID).History), 2)
		}
	},
	"APromotionMakesTheNextLiveAndRetiresThePrevious": func(f *fixture) {
		first := f.in(platform.HealthCheck)
		first, err := f.Promote(f.ctx, first.ID, "")
		f.ok(err)
		same(f, "status", first.Status, platform.Live)
		s, err := f.Service(f.ctx, first.Service)
		f.ok(err)
		same(f, "live", s.Live, first.ID)

		second := f.carry(f.deployment(s), platform.StartRollout, platform.StartCheck)
		second, err = f.Promote(f.ctx, second.ID, first.ID)
		f.ok(err)
		same(f, "status", second.Status, platform.Live)
		same(f, "status of the previous", f.read(first.ID).Status, platform.Retired)
		s, err = f.Service(f.ctx, s.ID)
		f.ok(err)
		same(f, "live", s.Live, second.ID)
	},
	"APromotionThatCannotBeWholeChangesNothing": func(f *fixture) {
		live := f.in(platform.Live)
		s, err := f.Service(f.ctx, live.Service)
		f.ok(err)
		next := f.carry(f.deployment(s), platform.StartRollout, platform.StartCheck)
		early := f.carry(f.deployment(s), platform.StartRollout)
		stranger, fresh := f.in(platform.Live), f.in(platform.HealthCheck)
		for _, p := range []struct{ next, previous string }{
			{next.ID, ""}, // another one is live
			{next.ID, stranger.ID},
			{fresh.ID, stranger.ID},
			{next.ID, early.ID},
			{next.ID, next.ID},
			{early.ID, live.ID},
			{live.ID, live.ID},
		} {
			_, err := f.Promote(f.ctx, p.next, p.previous)
			f.refused(err, platform.ErrConflict)
		}
		_, err = f.Promote(f.ctx, "dep_none", live.ID)
		f.refused(err, platform.ErrNotFound)
		_, err = f.Promote(f.ctx, next.ID, "dep_none")
		f.refused(err, platform.ErrNotFound)
		for id, want := range map[string]platform.Status{
			live.ID: platform.Live, next.ID: platform.HealthCheck, early.ID: platform.RollingOut, fresh.ID: platform.HealthCheck, stranger.ID: platform.Live,
		} {
			same(f, "status", f.read(id).Status, want)
		}
	},
	"AServiceWhoseLiveDeploymentIsRetiredHasNone": func(f *fixture) {
		d := f.in(platform.Live)
		f.carry(d, platform.Retire)
		s, err := f.Service(f.ctx, d.Service)
		f.ok(err)
		same(f, "live", s.Live, "")
	},
}

// route is how a queued deployment comes to a status.
var route = map[platform.Status][]platform.Move{
	platform.Queued:      {},
	platform.Building:    {platform.StartBuild},
	platform.RollingOut:  {platform.StartBuild, platform.StartRollout},
	platform.HealthCheck: {platform.StartRollout, platform.StartCheck},
	platform.Live:        {platform.StartRollout, platform.StartCheck, platform.Promote},
	platform.Retired:     {platform.StartRollout, platform.StartCheck, platform.Promote, platform.Retire},
	platform.Failed:      {platform.StartBuild, platform.Fail},
	platform.Canceled:    {platform.Cancel},
	platform.Superseded:  {platform.StartBuild, platform.Supersede},
}

// in makes a deployment in status, with an image, of a new service.
func (f *fixture) in(status platform.Status) platform.Deployment {
	f.t.Helper()
	all, err := f.Services(f.ctx, "")
	f.ok(err)
	s := f.service(fmt.Sprintf("service-%d", len(all)))
	d, err := f.CreateDeployment(f.ctx, platform.Deployment{Service: s.ID, Config: s.Config, Image: platform.Image{Ref: "r", Digest: "sha256:1"}})
	f.ok(err)
	d = f.carry(d, route[status]...)
	same(f, "status", d.Status, status)
	return d
}

// moves checks one move from one status against the state machine.
func (f *fixture) moves(status platform.Status, move platform.Move) {
	f.t.Helper()
	d := f.in(status)
	want, refusal := platform.Next(status, move)
	got, err := f.Advance(f.ctx, d.ID, status, move, nil)
	if refusal != nil {
		f.refused(err, platform.ErrConflict)
		same(f, "status after a refused "+string(move), f.read(d.ID).Status, status)
		return
	}
	f.ok(err)
	same(f, "status after "+string(move), got.Status, want)
	same(f, "status as stored", f.read(d.ID).Status, want)
	same(f, "number of phases", len(got.History), len(d.History)+1)
}

func (f *fixture) read(id string) platform.Deployment {
	f.t.Helper()
	d, err := f.Deployment(f.ctx, id)
	f.ok(err)
	return d
}
