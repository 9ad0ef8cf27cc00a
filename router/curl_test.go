package router

import (
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// curlRequests take curl a second or more, at most twenty at a time and five milliseconds each.
const curlRequests = "6000"

func TestCurlLosesNoRequestWhenTheRouterChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("needs curl")
	}
	d, secure := openDoors(t), testTLS(t)
	first, second := New(Config{Limits: Limits{LastRequest: goAwayGrace}}), New(Config{})
	slow := app(t, func(http.ResponseWriter, *http.Request) { <-time.After(5 * time.Millisecond) })
	for _, r := range []*Router{first, second} {
		if _, err := r.Swap(t.Context(), "app", []string{"app.test"}, []netip.AddrPort{slow}); err != nil {
			t.Fatal(err)
		}
	}
	stop := d.serve(t, first, secure)
	_, port, _ := net.SplitHostPort(d.secure.Addr().String())
	load := exec.CommandContext(t.Context(), "curl", "-sk", "--http2", "--parallel", "--parallel-max", "20", "--connect-to", "::127.0.0.1:"+port,
		"-o", "/dev/null", "-w", "%{http_code} %{http_version} %{errormsg}\n", "https://app.test/[1-"+curlRequests+"]")
	var out strings.Builder
	load.Stdout = &out
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "curl asks", func() bool { s, _ := first.Stats("app"); return s.Requests[2] > 100 })
	end := d.serve(t, second, secure)
	stop()
	if err := first.Retire(t.Context()); err != nil {
		t.Errorf("Retire: %v", err)
	}
	if err := load.Wait(); err != nil {
		t.Errorf("curl: %v", err)
	}
	outcomes := map[string]int{}
	for line := range strings.Lines(out.String()) {
		outcomes[strings.TrimSpace(line)]++
	}
	t.Logf("by status, version and error: %v", outcomes)
	if s, _ := second.Stats("app"); len(outcomes) != 1 || outcomes["200 2"] == 0 || s.Requests[2] < 100 {
		t.Errorf("%v; the second router answered %d", outcomes, s.Requests[2])
	}
	end()
	if err := second.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
