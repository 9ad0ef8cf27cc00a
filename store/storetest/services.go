package storetest

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"time"

	"csph/platform"
	"csph/store"
)

var serviceTests = map[string]func(*fixture){
	"AServiceIsMadeWithTheDefaults": func(f *fixture) {
		s := f.service("web")
		same(f, "type", s.Type, platform.Web)
		same(f, "shape", s.Config.Shape, platform.DefaultShape)
		same(f, "count", s.Config.Count, 1)
		same(f, "environment", s.EnvName, "production")
		same(f, "account", s.Account, f.account)
		same(f, "live", s.Live, "")
		read, err := f.Service(f.ctx, s.ID)
		f.ok(err)
		if !reflect.DeepEqual(read, s) {
			f.t.Fatalf("read %+v; want %+v", read, s)
		}
	},
	"EverythingOfAConfigIsKept": func(f *fixture) {
		want := platform.Config{
			Shape: "MAX", Count: 3, Port: 3000, Env: map[string]string{"K": "v"}, Build: "make", Run: "./app",
			Ready: &platform.Check{Path: "/up", Port: 81, Host: "h", FailureTimeout: time.Minute, RetryPeriod: time.Second},
			Drain: time.Second, Grace: 2 * time.Second, Region: "local", Autoscale: &platform.Autoscale{Min: 2, Max: 4, CPU: 50},
		}
		s, err := f.CreateService(f.ctx, f.account, "web", platform.Service{Type: platform.Worker, Config: want})
		f.ok(err)
		read, err := f.Service(f.ctx, s.ID)
		f.ok(err)
		same(f, "type", read.Type, platform.Worker)
		if !reflect.DeepEqual(read.Config, want) {
			f.t.Fatalf("config is %+v; want %+v", read.Config, want)
		}
	},
	"AutoscaledServicesAreFoundAmongTheOthers": func(f *fixture) {
		f.service("web")
		policy := &platform.Autoscale{Min: 2, Max: 4, CPU: 50}
		made, err := f.CreateService(f.ctx, f.account, "api", platform.Service{Config: platform.Config{Autoscale: policy}})
		f.ok(err)
		same(f, "count", made.Config.Count, 2)
		other := f.service("jobs")
		other, err = f.UpdateService(f.ctx, other.ID, func(s *platform.Service) error { s.Config.Autoscale = policy; return nil })
		f.ok(err)
		all, err := f.AutoscaledServices(f.ctx)
		f.ok(err)
		if !reflect.DeepEqual(all, []platform.Service{made, other}) {
			f.t.Fatalf("found %+v", all)
		}
		_, err = f.UpdateService(f.ctx, made.ID, func(s *platform.Service) error { s.Config.Autoscale = nil; return nil })
		f.ok(err)
		all, err = f.AutoscaledServices(f.ctx)
		f.ok(err)
		if len(all) != 1 || all[0].ID != other.ID {
			f.t.Fatalf("found %+v", all)
		}
	},
	"NamesThatAreNoDNSLabelsAreRefused": func(f *fixture) {
		for _, name := range []string{"", "Web", "-web", "web-", "w_b", "web.app", "wéb", "a b", strings.Repeat("a", 64), "a/b/c/d", "/", "web/", "../web", "web\n"} {
			_, err := f.CreateService(f.ctx, f.account, name, platform.Service{})
			f.refused(err, platform.ErrInvalid)
		}
		for _, name := range []string{"a", "0", "a-b", strings.Repeat("a", 63)} {
			f.service(name)
		}
	},
	"DraftsThatCouldNeverRunAreRefused": func(f *fixture) {
		for _, draft := range []platform.Service{
			{Type: "lambda"},
			{Config: platform.Config{Shape: "HUGE"}},
			{Config: platform.Config{Count: -1}},
			{Config: platform.Config{Autoscale: &platform.Autoscale{Min: 2, Max: 1, CPU: 50}}},
			{Type: platform.Cron, Config: platform.Config{Autoscale: &platform.Autoscale{Min: 1, Max: 2, CPU: 50}}},
			{Config: platform.Config{Port: 65536}},
			{Config: platform.Config{Env: map[string]string{"A=B": ""}}},
		} {
			_, err := f.CreateService(f.ctx, f.account, "web", draft)
			f.refused(err, platform.ErrInvalid)
		}
	},
	"AServiceNeedsItsProjectAndEnvironment": func(f *fixture) {
		for _, ref := range []string{"staging/web", "shop/production/web"} {
			_, err := f.CreateService(f.ctx, f.account, ref, platform.Service{})
			f.refused(err, platform.ErrNotFound)
		}
		_, err := f.CreateService(f.ctx, "acc_none", "web", platform.Service{})
		f.refused(err, platform.ErrNotFound)
	},
	"AServiceIsFoundByIDNameAndPath": func(f *fixture) {
		web := f.service("web")
		f.place("shop", "staging")
		far := f.service("shop/staging/web")
		for ref, want := range map[string]string{
			web.ID: web.ID, "web": web.ID, "production/web": web.ID, "default/production/web": web.ID,
			far.ID: far.ID, "shop/staging/web": far.ID,
		} {
			s, err := f.ResolveService(f.ctx, f.account, ref)
			f.ok(err)
			same(f, "service "+ref, s.ID, want)
		}
		for _, ref := range []string{"api", "staging/web", "svc_none"} {
			_, err := f.ResolveService(f.ctx, f.account, ref)
			f.refused(err, platform.ErrNotFound)
		}
		_, err := f.ResolveService(f.ctx, "acc_other", web.ID)
		f.refused(err, platform.ErrNotFound)
		_, err = f.ResolveService(f.ctx, f.account, "We'b")
		f.refused(err, platform.ErrInvalid)
	},
	"ANameThatIsTakenElsewhereIsSuggested": func(f *fixture) {
		f.place("shop", "staging")
		f.service("shop/staging/web")
		_, err := f.ResolveService(f.ctx, f.account, "web")
		f.refused(err, platform.ErrNotFound)
		if !strings.Contains(err.Error(), "did you mean shop/staging/web?") {
			f.t.Fatalf("error is %q", err)
		}
	},
	"TwoServicesCannotShareAName": func(f *fixture) {
		f.service("web")
		_, err := f.CreateService(f.ctx, f.account, "web", platform.Service{})
		f.refused(err, platform.ErrConflict)
		_, err = f.CreateService(f.ctx, f.account, store.ReservedName, platform.Service{})
		f.refused(err, platform.ErrInvalid)
	},
	"AHostNameThatIsTakenGetsTheProjectTheAccountOrTheIDBehindIt": func(f *fixture) {
		same(f, "host", f.service("web").Host, "web")
		f.place("shop", "staging")
		same(f, "host in another project", f.service("shop/production/web").Host, "web-shop")
		same(f, "host in another environment", f.service("shop/staging/web").Host, "web-staging")
		same(f, "host that another follows from", f.service("web-staging").Host, "web-staging-default")
		_, err := f.CreateService(f.ctx, f.account, "shop/staging/"+strings.Repeat("a", 56), platform.Service{})
		f.refused(err, platform.ErrInvalid) // its host name would be 64 long
	},
	"ServicesAreListedByPlaceAndName": func(f *fixture) {
		f.place("shop", "staging")
		for _, ref := range []string{"web", "api", "shop/staging/web"} {
			f.service(ref)
		}
		for _, account := range []string{f.account, ""} {
			all, err := f.Services(f.ctx, account)
			f.ok(err)
			var names []string
			for _, s := range all {
				names = append(names, s.EnvName+"/"+s.Name)
			}
			same(f, "list", strings.Join(names, " "), "production/api production/web staging/web")
		}
		none, err := f.Services(f.ctx, "acc_none")
		f.ok(err)
		same(f, "services of nobody", len(none), 0)
	},
	"AServiceIsChangedUnderTheLock": func(f *fixture) {
		s := f.service("web")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := f.UpdateService(f.ctx, s.ID, func(s *platform.Service) error { s.Config.Count++; return nil }); err != nil {
					f.t.Error(err)
				}
			})
		}
		wg.Wait()
		read, err := f.Service(f.ctx, s.ID)
		f.ok(err)
		same(f, "count", read.Config.Count, 21)
	},
	"AChangeOfAServiceThatFailsLeavesItAsItIs": func(f *fixture) {
		s := f.service("web")
		stop := errors.New("stop")
		for _, c := range []struct {
			change func(*platform.Service) error
			want   error
		}{
			{func(s *platform.Service) error { s.Suspended = true; return stop }, stop},
			{func(s *platform.Service) error { s.Config.Shape = "HUGE"; return nil }, platform.ErrInvalid},
			{func(s *platform.Service) error { s.Config.Count = 0; return nil }, platform.ErrInvalid},
			{func(s *platform.Service) error { s.Name = "other"; return nil }, platform.ErrInvalid},
			{func(s *platform.Service) error { s.Environment = "env_x"; return nil }, platform.ErrInvalid},
			{func(s *platform.Service) error { s.Live = "dep_x"; return nil }, platform.ErrInvalid},
			{func(s *platform.Service) error { s.Type = "lambda"; return nil }, platform.ErrInvalid},
		} {
			_, err := f.UpdateService(f.ctx, s.ID, c.change)
			f.refused(err, c.want)
		}
		read, err := f.Service(f.ctx, s.ID)
		f.ok(err)
		if !reflect.DeepEqual(read, s) {
			f.t.Fatalf("service is %+v; want %+v", read, s)
		}
		_, err = f.UpdateService(f.ctx, "svc_none", func(*platform.Service) error { return nil })
		f.refused(err, platform.ErrNotFound)
	},
	"ADeletedServiceIsGoneWithItsDeployments": func(f *fixture) {
		s := f.service("web")
		d := f.deployment(s)
		f.refused(f.DeleteService(f.ctx, s.ID), platform.ErrConflict)
		f.carry(d, platform.StartRollout, platform.StartCheck, platform.Promote)
		f.ok(f.DeleteService(f.ctx, s.ID))
		_, err := f.Service(f.ctx, s.ID)
		f.refused(err, platform.ErrNotFound)
		_, err = f.Deployment(f.ctx, d.ID)
		f.refused(err, platform.ErrNotFound)
		f.refused(f.DeleteService(f.ctx, s.ID), platform.ErrNotFound)
		f.service("web") // the name is free again
	},
}

// place makes a project with an environment.
func (f *fixture) place(project, environment string) {
	f.t.Helper()
	p, err := f.CreateProject(f.ctx, f.account, project)
	f.ok(err)
	_, err = f.CreateEnvironment(f.ctx, p.ID, environment)
	f.ok(err)
}
