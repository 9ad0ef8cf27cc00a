package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"csph/platform"
)

// load sends requests over keep-alive connections until stop is called, which returns how many were
// answered and the failures.
func (b *bench) load(clients int) (stop func() (served int64, failures []string)) {
	ctx, cancel := context.WithCancel(context.Background())
	var served atomic.Int64
	var mu sync.Mutex
	var failures []string
	var all sync.WaitGroup
	client := b.client()
	for i := range clients {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := ask(client, i, n); err != nil {
					mu.Lock()
					failures = append(failures, err.Error())
					mu.Unlock()
				}
				served.Add(1)
			}
		})
	}
	return func() (int64, []string) {
		cancel()
		all.Wait()
		return served.Load(), failures[:min(len(failures), 5)]
	}
}

// ask sends a GET, a small POST or a large chunked POST, and checks that its body comes back.
func ask(client *http.Client, i, n int) error {
	text := fmt.Sprintf("%d/%d ", i, n)
	var body io.Reader
	method := "GET"
	switch n % 3 {
	case 1:
		method, body = "POST", strings.NewReader(text)
	case 2:
		text = strings.Repeat(text, 8000)
		method, body = "POST", io.MultiReader(strings.NewReader(text))
	default:
		text = ""
	}
	q, err := http.NewRequest(method, "http://app.test/", body)
	if err != nil {
		return err
	}
	resp, err := client.Do(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 || string(got) != text {
		return fmt.Errorf("%s: status %d, %d bytes of %d", method, resp.StatusCode, len(got), len(text))
	}
	return nil
}

// version is a target that can be stopped like a spherelet: at once, as soon as it was drained.
type version struct {
	addr    netip.AddrPort
	stopped atomic.Bool
}

func newVersion(t *testing.T) *version {
	v := &version{}
	v.addr = app(t, func(w http.ResponseWriter, r *http.Request) {
		if v.stopped.Load() {
			t.Error("a request reached a version that was drained")
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	return v
}

func TestSwapsUnderLoadFailNoRequest(t *testing.T) {
	b := start(t, Config{})
	now := newVersion(t)
	b.route(now.addr)
	stop := b.load(8)
	ctx := context.Background()
	for range 40 {
		next := newVersion(t)
		replaced, err := b.Swap(ctx, "app", []string{"app.test"}, []netip.AddrPort{next.addr})
		if err != nil || !slices.Equal(replaced, []netip.AddrPort{now.addr}) {
			t.Fatalf("replaced %v, error %v", replaced, err)
		}
		if cut, err := b.Drain(ctx, replaced, patience); cut != 0 || err != nil {
			t.Errorf("cut %d, error %v", cut, err)
		}
		now.stopped.Store(true)
		now = next
		before, _ := b.Stats("app")
		eventually(t, "the new version serves", func() bool { s, _ := b.Stats("app"); return s.Requests[2] > before.Requests[2]+50 })
	}
	served, failures := stop()
	if len(failures) > 0 || served < 2000 {
		t.Errorf("of %d requests, some failed, at first %v", served, failures)
	}
	t.Logf("0 of %d requests failed", served)
}

func TestTwoHundredSwapsAtOnceLeaveAWholeTable(t *testing.T) {
	b := start(t, Config{})
	versions := []*version{newVersion(t), newVersion(t), newVersion(t), newVersion(t)}
	b.route(versions[0].addr)
	stop := b.load(4)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			targets := []netip.AddrPort{versions[i%4].addr, versions[(i+1)%4].addr}
			if _, err := b.Swap(context.Background(), "app", []string{"app.test", fmt.Sprintf("v%d.app.test", i%5)}, targets); err != nil {
				t.Error(err)
			}
			name := fmt.Sprintf("s%d", i)
			if _, err := b.Swap(context.Background(), name, []string{name + ".test"}, nil); err != nil {
				t.Error(err)
			}
			b.Remove(context.Background(), name)
		})
	}
	all.Wait()
	if served, failures := stop(); len(failures) > 0 {
		t.Errorf("of %d requests, some failed, at first %v", served, failures)
	}
	if got := b.Table(); got.Version != 601 || len(got.Routes) != 1 || len(got.Routes[0].Targets) != 2 {
		t.Errorf("table %+v", got)
	}
	eventually(t, "replaced targets are forgotten", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.retired) == 0 })
}

func TestATargetThatStaysKeepsItsConnections(t *testing.T) {
	b := start(t, Config{})
	one, two := says(t, "one"), says(t, "two")
	b.route(one)
	stays := b.table.Load().allTargets()[0]
	replaced, err := b.Swap(context.Background(), "app", []string{"app.test"}, []netip.AddrPort{one, two})
	if err != nil || len(replaced) != 0 || !slices.Contains(b.table.Load().allTargets(), stays) {
		t.Errorf("replaced %v, error %v", replaced, err)
	}
}

func TestTheLongestHostWins(t *testing.T) {
	b := start(t, Config{})
	ctx := context.Background()
	for service, hosts := range map[string][]string{
		"exact": {"a.apps.test", "Upper.Test."}, "wild": {"*.apps.test"}, "deep": {"*.b.apps.test"},
	} {
		if _, err := b.Swap(ctx, service, hosts, []netip.AddrPort{says(t, service)}); err != nil {
			t.Fatal(err)
		}
	}
	for host, want := range map[string]string{
		"a.apps.test": "exact", "A.Apps.Test:8080": "exact", "a.apps.test.": "exact", "x.apps.test": "wild", "y.x.apps.test": "wild",
		"x.b.apps.test": "deep", "b.apps.test": "wild", "upper.test": "exact",
	} {
		if status, body := b.get("http://" + host + "/"); status != 200 || body != want {
			t.Errorf("%s: status %d, body %q, want %s", host, status, body, want)
		}
	}
	if status, _ := b.get("http://apps.test/"); status != 404 {
		t.Errorf("apps.test: status %d", status)
	}
}

func TestSwapRefusesWhatCannotBeAndChangesNothing(t *testing.T) {
	b := start(t, Config{})
	b.route(says(t, "ok"))
	ok := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}
	before := b.Table()
	for name, c := range map[string]struct {
		hosts   []string
		targets []netip.AddrPort
		want    error
	}{
		"another service's host": {[]string{"free.test", "APP.test"}, ok, platform.ErrConflict},
		"a URL":                  {[]string{"http://x.test/"}, ok, platform.ErrInvalid},
		"no host":                {[]string{""}, ok, platform.ErrInvalid},
		"a wildcard inside":      {[]string{"a.*.test"}, ok, platform.ErrInvalid},
		"no port":                {[]string{"x.test"}, []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 0)}, platform.ErrInvalid},
	} {
		if _, err := b.Swap(context.Background(), "other", c.hosts, c.targets); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if after := b.Table(); after.Version != before.Version || len(after.Routes) != 1 {
		t.Errorf("table %+v", after)
	}
}

func TestARemovedServiceIsUnknown(t *testing.T) {
	b := start(t, Config{})
	target := says(t, "ok")
	b.route(target)
	if replaced := b.Remove(context.Background(), "app"); !slices.Equal(replaced, []netip.AddrPort{target}) {
		t.Errorf("replaced %v", replaced)
	}
	if status, _ := b.get("http://app.test/"); status != 404 {
		t.Errorf("status %d", status)
	}
	if again := b.Remove(context.Background(), "app"); again != nil {
		t.Errorf("replaced %v", again)
	}
	if _, ok := b.Stats("app"); ok {
		t.Error("it still has counts")
	}
}

func TestAnInstalledTableIsTheOneThatIsServed(t *testing.T) {
	b := start(t, Config{})
	b.route(says(t, "old"))
	table := Table{Version: 41, Routes: []Route{
		{Service: "app", Hosts: []string{"app.test"}, Targets: []netip.AddrPort{says(t, "new")}},
		{Service: "two", Hosts: []string{"two.test"}},
	}}
	if err := b.Install(table); err != nil {
		t.Fatal(err)
	}
	if got := b.Table(); fmt.Sprint(got) != fmt.Sprint(table) {
		t.Errorf("table %+v", got)
	}
	if status, body := b.get("http://app.test/"); status != 200 || body != "new" {
		t.Errorf("status %d, body %q", status, body)
	}
	table.Routes[1].Hosts = []string{"app.test"}
	if err := b.Install(table); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("error %v", err)
	}
}

func TestALargeTableIsSwappedQuickly(t *testing.T) {
	b := start(t, Config{})
	table := Table{Version: 1}
	for i := range 10_000 {
		table.Routes = append(table.Routes, Route{
			Service: fmt.Sprintf("s%d", i), Hosts: []string{fmt.Sprintf("s%d.apps.test", i)},
			Targets: []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80)},
		})
	}
	if err := b.Install(table); err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for i := range 20 {
		begun := time.Now()
		if _, err := b.Swap(context.Background(), "s5000", []string{"s5000.apps.test"}, []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 80)}); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	if took[10] > 10*time.Millisecond {
		t.Errorf("a swap takes %s", took[10])
	}
	t.Logf("a swap among 10,000 services takes %s", took[10])
}

func TestAServiceMayHavePartOfAHost(t *testing.T) {
	b := start(t, Config{})
	ctx := context.Background()
	for service, hosts := range map[string][]string{
		"site": {"app.test"}, "api": {"App.test/api"}, "deep": {"app.test/api/v2"}, "lone": {"other.test/x"},
	} {
		if _, err := b.Swap(ctx, service, hosts, []netip.AddrPort{says(t, service)}); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[string]string{
		"app.test/": "site", "app.test/api": "api", "APP.test/api/": "api", "app.test/api?x=/api/v2": "api", "app.test/apis": "site",
		"app.test/api/v2": "deep", "app.test/api/v2/x": "deep", "app.test/api/v20": "api", "app.test/x/api": "site", "other.test/x/y": "lone",
	} {
		if status, body := b.get("http://" + at); status != 200 || body != want {
			t.Errorf("%s: status %d, body %q, want %s", at, status, body, want)
		}
	}
	if status, _ := b.get("http://other.test/"); status != 404 {
		t.Errorf("a host of which only a part is known: status %d", status)
	}
	if got := served(b, "api"); !slices.Equal(got, []string{"app.test/api"}) {
		t.Errorf("the table has %v", got)
	}
	if _, err := b.Swap(ctx, "thief", []string{"app.test/api"}, nil); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("another service's part: %v", err)
	}
	for _, bad := range []string{"app.test/", "app.test/a/../b", "*.test/api", "/api", "app.test/a?b"} {
		if _, err := b.Swap(ctx, "bad", []string{bad}, nil); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	b.Remove(ctx, "api")
	if _, body := b.get("http://app.test/api/x"); body != "site" {
		t.Errorf("after the part has gone %q answers", body)
	}
}

// served is the hosts that lead to a service.
func served(b *bench, service string) []string {
	for _, r := range b.Table().Routes {
		if r.Service == service {
			return r.Hosts
		}
	}
	return nil
}
