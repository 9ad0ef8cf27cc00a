package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"csph/platform"
	"csph/router"
)

// served is the hosts that lead to a service.
func served(r *router.Router, service string) []string {
	for _, x := range r.Table().Routes {
		if x.Service == service {
			return x.Hosts
		}
	}
	return nil
}

func newRoutes(t *testing.T) (*domainRoutes, *router.Router) {
	t.Helper()
	r := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = r.Shutdown(t.Context()) })
	return newDomainRoutes(plainRouter{r}), r
}

// plainRouter is a router without a process before it.
type plainRouter struct{ *router.Router }

func TestADomainLeadsToItsServiceAtOnceAndAfterTheNextSwap(t *testing.T) {
	routes, r := newRoutes(t)
	ctx := t.Context()
	one, two := netip.MustParseAddrPort("127.0.0.1:9001"), netip.MustParseAddrPort("127.0.0.1:9002")
	check := func(when string, want ...string) {
		t.Helper()
		if got := served(r, "svc_a"); !slices.Equal(got, want) {
			t.Errorf("%s: %v; want %v", when, got, want)
		}
	}
	if err := routes.add(ctx, "svc_a", "early.example.com"); err != nil {
		t.Fatal(err)
	}
	check("before anything is live")
	if _, err := routes.Swap(ctx, "svc_a", []string{"a.localhost"}, []netip.AddrPort{one}); err != nil {
		t.Fatal(err)
	}
	check("after the first deployment", "a.localhost", "early.example.com")
	if err := routes.add(ctx, "svc_a", "www.example.com"); err != nil {
		t.Fatal(err)
	}
	check("after a domain was added", "a.localhost", "early.example.com", "www.example.com")
	replaced, err := routes.Swap(ctx, "svc_a", []string{"a.localhost"}, []netip.AddrPort{two})
	if err != nil || !slices.Equal(replaced, []netip.AddrPort{one}) {
		t.Errorf("replaced %v, %v", replaced, err)
	}
	check("after the next deployment", "a.localhost", "early.example.com", "www.example.com")
	if err := routes.drop(ctx, "svc_a", "early.example.com"); err != nil {
		t.Fatal(err)
	}
	check("after one was removed", "a.localhost", "www.example.com")
	if got := r.Table().Routes[0].Targets; !slices.Equal(got, []netip.AddrPort{two}) {
		t.Errorf("targets %v", got)
	}
	routes.Remove(ctx, "svc_a")
	if err := routes.add(ctx, "svc_a", "late.example.com"); err != nil {
		t.Fatal(err)
	}
	check("after the service was removed")
}

func TestADomainThatTheRouterRefusesIsNotKept(t *testing.T) {
	routes, r := newRoutes(t)
	ctx := t.Context()
	for service, host := range map[string]string{"svc_a": "a.localhost", "svc_b": "b.localhost"} {
		if _, err := routes.Swap(ctx, service, []string{host}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := routes.add(ctx, "svc_a", "b.localhost"); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("a host of another service: %v", err)
	}
	if _, err := routes.Swap(ctx, "svc_a", []string{"a.localhost"}, nil); err != nil {
		t.Errorf("the next deployment fails: %v", err)
	}
	if got := served(r, "svc_a"); !slices.Equal(got, []string{"a.localhost"}) {
		t.Errorf("hosts %v", got)
	}
}

func TestDomainsAndDeploymentsAtTheSameTimeLoseNothing(t *testing.T) {
	routes, r := newRoutes(t)
	ctx := t.Context()
	var both sync.WaitGroup
	both.Go(func() {
		for i := range 50 {
			port := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(9000+i))
			if _, err := routes.Swap(ctx, "svc_a", []string{"a.localhost"}, []netip.AddrPort{port}); err != nil {
				t.Error(err)
			}
		}
	})
	both.Go(func() {
		for i := range 50 {
			if err := routes.add(ctx, "svc_a", string(rune('a'+i%26))+time.Duration(i).String()+".example.com"); err != nil {
				t.Error(err)
			}
		}
	})
	both.Wait()
	if got := served(r, "svc_a"); len(got) != 51 {
		t.Errorf("%d hosts; want 51", len(got))
	}
}
