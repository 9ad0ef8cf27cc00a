package storetest

import (
	"reflect"
	"strings"
	"time"

	"csph/platform"
	"csph/store"
)

var deploymentTests = map[string]func(*fixture){
	"ANewDeploymentIsQueuedWithIDHistoryAndTime": func(f *fixture) {
		s := f.service("web")
		before := time.Now().Add(-time.Second)
		d, err := f.CreateDeployment(f.ctx, platform.Deployment{ID: "mine", Service: s.ID, Status: platform.Live, Config: s.Config})
		f.ok(err)
		same(f, "status", d.Status, platform.Queued)
		same(f, "service name", d.Name, "web")
		same(f, "id starts with dep_", strings.HasPrefix(d.ID, "dep_"), true)
		same(f, "number of phases", len(d.History), 1)
		same(f, "phase", d.History[0], platform.Phase{Status: platform.Queued, At: d.Created})
		same(f, "created lately", d.Created.After(before) && d.Created.Before(time.Now().Add(time.Second)), true)
		_, err = f.CreateDeployment(f.ctx, platform.Deployment{Service: "svc_none"})
		f.refused(err, platform.ErrNotFound)
	},
	"EverythingOfADeploymentIsKept": func(f *fixture) {
		s := f.service("web")
		want := platform.Deployment{
			Service: s.ID, Reason: platform.Internal, Message: "m", Hint: "h", Tail: []string{"one", "two"}, URL: "http://web.localhost",
			Trigger: platform.Trigger{Kind: "push", Actor: "laptop"},
			Source:  platform.Source{Kind: platform.FromGit, Revision: "abc", Branch: "main", Subject: "first"},
			Config:  platform.Config{Shape: "PWR", Count: 2, Env: map[string]string{"A": "b"}, Grace: time.Second},
			Image:   platform.Image{Ref: "r", Digest: "sha256:1", Size: 9, Command: []string{"a", "b"}, Release: "rel", Port: 80},
		}
		made, err := f.CreateDeployment(f.ctx, want)
		f.ok(err)
		read, err := f.Deployment(f.ctx, made.ID)
		f.ok(err)
		if !reflect.DeepEqual(read, made) {
			f.t.Fatalf("read %+v; made %+v", read, made)
		}
		want.ID, want.Name, want.Status, want.History, want.Created = made.ID, "web", platform.Queued, made.History, made.Created
		if !reflect.DeepEqual(read, want) {
			f.t.Fatalf("read %+v; want %+v", read, want)
		}
	},
	"DeploymentsAreListedNewestFirst": func(f *fixture) {
		web, api := f.service("web"), f.service("api")
		var ids []string
		for range 5 {
			ids = append([]string{f.deployment(web).ID}, ids...)
		}
		other := f.deployment(api).ID
		f.listed(ids)(f.Deployments(f.ctx, web.ID, 0))
		f.listed(ids[:2])(f.Deployments(f.ctx, web.ID, 2))
		f.listed(append([]string{other}, ids...))(f.Deployments(f.ctx, "", 0))
		f.listed(nil)(f.Deployments(f.ctx, "svc_none", 0))
		f.listed(ids[:2])(f.DeploymentPage(f.ctx, store.Page{Service: web.ID, Limit: 2}))
		f.listed(ids[2:4])(f.DeploymentPage(f.ctx, store.Page{Service: web.ID, Before: ids[1], Limit: 2}))
		f.listed(ids[4:])(f.DeploymentPage(f.ctx, store.Page{Account: f.account, Service: web.ID, Before: ids[3], Limit: 2}))
		f.listed([]string{other, ids[0]})(f.DeploymentPage(f.ctx, store.Page{Account: f.account, Limit: 2}))
		f.listed(nil)(f.DeploymentPage(f.ctx, store.Page{Account: "acc_none"}))
	},
	"UnsettledDeploymentsAreThoseThatAreNotTerminalOldestFirst": func(f *fixture) {
		var want []string
		for _, status := range platform.Statuses() {
			d := f.in(status)
			if !status.Terminal() {
				want = append(want, d.ID)
			}
		}
		f.listed(want)(f.Unsettled(f.ctx))
	},
	"ADeploymentIsFoundByTheStartOfItsID": func(f *fixture) {
		s := f.service("web")
		first, second := f.deployment(s), f.deployment(s)
		for _, ref := range []string{first.ID, strings.TrimPrefix(first.ID, "dep_"), first.ID[:len(first.ID)-1]} {
			d, err := f.FindDeployment(f.ctx, f.account, ref)
			f.ok(err)
			same(f, "deployment "+ref, d.ID, first.ID)
		}
		_, err := f.FindDeployment(f.ctx, f.account, "dep_0")
		f.refused(err, platform.ErrConflict)
		if !strings.Contains(err.Error(), second.ID) {
			f.t.Fatalf("error %q names none of the candidates", err)
		}
		for _, ref := range []string{"", "dep_zzz", "%", "_", "'", "svc_"} {
			_, err := f.FindDeployment(f.ctx, f.account, ref)
			f.refused(err, platform.ErrNotFound)
		}
		_, err = f.FindDeployment(f.ctx, "acc_none", first.ID)
		f.refused(err, platform.ErrNotFound)
	},
	"AnImageIsDroppedOnceItsDeploymentIsTerminal": func(f *fixture) {
		for _, status := range platform.Statuses() {
			d := f.in(status)
			if !status.Terminal() {
				f.refused(f.DropImage(f.ctx, d.ID), platform.ErrConflict)
				continue
			}
			f.ok(f.DropImage(f.ctx, d.ID))
			read, err := f.Deployment(f.ctx, d.ID)
			f.ok(err)
			d.Image = platform.Image{}
			if !reflect.DeepEqual(read, d) {
				f.t.Fatalf("deployment is %+v; want %+v", read, d)
			}
		}
		f.refused(f.DropImage(f.ctx, "dep_none"), platform.ErrNotFound)
	},
}

// listed returns a function that fails unless the deployments it gets have these ids.
func (f *fixture) listed(want []string) func([]platform.Deployment, error) {
	return func(got []platform.Deployment, err error) {
		f.t.Helper()
		f.ok(err)
		var ids []string
		for _, d := range got {
			ids = append(ids, d.ID)
		}
		if !reflect.DeepEqual(ids, want) {
			f.t.Fatalf("listed %v; want %v", ids, want)
		}
	}
}
