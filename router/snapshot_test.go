package router

import (
	"io"
	"net/http"
	"testing"
)

func TestASnapshotShowsTargetsInUseSetAsideAndDraining(t *testing.T) {
	b := start(t, Config{})
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := app(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	})
	b.route(slow)
	w := b.dial()
	w.send(request11())
	<-arrived
	s := b.Snapshot()
	if len(s.Routes) != 1 || s.Routes[0].Service != "app" || s.Routes[0].Hosts[0] != "app.test" || s.Connections != 1 || s.Version == 0 {
		t.Fatalf("snapshot %+v", s)
	}
	if x := s.Routes[0].Targets[0]; x.Address != slow.String() || x.Requests != 1 || s.Routes[0].Stats.InFlight != 1 {
		t.Errorf("in use: %+v", x)
	}
	dead := nobody(t)
	b.route(dead)
	if s = b.Snapshot(); len(s.Draining) != 1 || s.Draining[0].Address != slow.String() || s.Draining[0].Requests != 1 {
		t.Errorf("draining: %+v", s.Draining)
	}
	b.get("http://app.test/")
	if x := b.Snapshot().Routes[0].Targets[0]; x.Failures != 1 || x.Aside <= 0 {
		t.Errorf("set aside: %+v", x)
	}
	close(release)
	w.receive("GET")
	eventually(t, "the drained target is over", func() bool { return len(b.Snapshot().Draining) == 0 })
}
