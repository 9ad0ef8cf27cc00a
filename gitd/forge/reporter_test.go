package forge_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/gitd/forge"
	"csph/gitd/remote"
	"csph/gitd/webhook"
	"csph/platform"
	"csph/store"
)

// desk is a reporter on real records with one service, whose repository is at a host of the test.
type desk struct {
	*forge.Reporter
	t    *testing.T
	db   *store.DB
	svc  platform.Service
	host *host

	mu   sync.Mutex
	told []string // events
	stop func()
}

// plain is no encryption at all.
type plain struct{}

func (plain) Seal(b []byte) ([]byte, error)   { return b, nil }
func (plain) Unseal(b []byte) ([]byte, error) { return b, nil }

func newDesk(t *testing.T) *desk {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SealWith(plain{})
	if _, err := db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, db: db, host: newHost(t)}
	if d.svc, err = db.CreateService(t.Context(), accounts[0].ID, "shop", platform.Service{}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ConnectRepository(t.Context(), d.svc.ID, platform.Repository{URL: d.host.URL + "/acme/shop"}, []byte("secret"), nil); err != nil {
		t.Fatal(err)
	}
	d.run()
	return d
}

func (d *desk) run() {
	d.Reporter = forge.NewReporter(d.db, d, d.host.client("127.0.0.0/8"), func(e platform.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.told = append(d.told, e.Message)
	}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = d.Reporter.Run(ctx) })
	d.stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	d.t.Cleanup(d.stop)
}

// Address implements forge.Addresses.
func (d *desk) Address(ctx context.Context, service string) (forge.Provider, remote.Repository, error) {
	r, err := d.db.Repository(ctx, service)
	return webhook.GitHub, remote.Repository{URL: r.URL, Credential: remote.Credential{Token: "secret"}}, err
}

func (d *desk) queue(subject string, state platform.ReportState) {
	d.t.Helper()
	r := report(platform.ReportStatus, state)
	r.Subject, r.Service, r.Last = subject, d.svc.ID, state != platform.ReportPending
	if err := d.db.QueueReports(d.t.Context(), "", 0, r); err != nil {
		d.t.Fatal(err)
	}
	d.Wake()
}

func (d *desk) until(what string, ok func() bool) {
	d.t.Helper()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			d.t.Fatalf("gave up waiting until %s", what)
		}
	}
}

func (d *desk) asked() int {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	return len(d.host.asked)
}

func (d *desk) events() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told
}

// stored is how a subject's report is kept; nil when it is not.
func (d *desk) stored(subject string) *platform.Report {
	r, err := d.db.Report(d.t.Context(), subject)
	if err != nil {
		return nil
	}
	return &r
}

func TestAReportIsToldOnceAndTheLastOneIsForgotten(t *testing.T) {
	d := newDesk(t)
	d.queue("status dep_1", platform.ReportPending)
	d.until("pending is told", func() bool { r := d.stored("status dep_1"); return r != nil && r.Due.IsZero() })
	d.queue("status dep_1", platform.ReportSuccess)
	d.until("success is told", func() bool { return d.stored("status dep_1") == nil })
	if d.asked() != 2 || len(d.events()) > 0 {
		t.Errorf("asked %v, events %v", d.host.asked, d.events())
	}
}

func TestATokenThatIsRefusedMakesOneEventAndNoMoreRequests(t *testing.T) {
	d := newDesk(t)
	d.host.answer = func(int, *http.Request) (int, map[string]string, string) {
		return http.StatusUnauthorized, nil, `{"message":"Bad credentials"}`
	}
	d.queue("status dep_1", platform.ReportPending)
	d.queue("status dep_2", platform.ReportPending)
	d.until("it is mute", func() bool { return len(d.events()) > 0 })
	if e := d.events(); len(e) != 1 || !strings.Contains(e[0], "401 Unauthorized: Bad credentials") || !strings.Contains(e[0], "connect-repo") {
		t.Errorf("events %q", e)
	}
	if d.stored("status dep_1") != nil || d.stored("status dep_2") != nil || d.asked() != 1 {
		t.Errorf("asked %v", d.host.asked)
	}
	if r, err := d.db.Repository(t.Context(), d.svc.ID); err != nil || !strings.Contains(r.Muted, "401") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestALimitIsWaitedForAsLongAsTheHostSays(t *testing.T) {
	d := newDesk(t)
	d.host.answer = func(int, *http.Request) (int, map[string]string, string) {
		return http.StatusForbidden, map[string]string{"X-RateLimit-Remaining": "0", "Retry-After": "1800"}, `{"message":"API rate limit exceeded"}`
	}
	d.queue("status dep_1", platform.ReportSuccess)
	d.until("it is postponed", func() bool { r := d.stored("status dep_1"); return r != nil && r.Attempts == 1 })
	if wait := time.Until(d.stored("status dep_1").Due); wait < 29*time.Minute || wait > 31*time.Minute {
		t.Errorf("it waits for %v", wait)
	}
	if e := d.events(); len(e) != 1 || !strings.Contains(e[0], "30m0s") {
		t.Errorf("events %q", e)
	}
}

func TestWhatAHostCannotTakeIsGivenUpWithOneEvent(t *testing.T) {
	d := newDesk(t)
	d.host.answer = func(int, *http.Request) (int, map[string]string, string) {
		return http.StatusUnprocessableEntity, nil, `{"message":"No commit found for SHA"}`
	}
	d.queue("status dep_1", platform.ReportPending)
	d.until("it is given up", func() bool { return d.stored("status dep_1") == nil })
	if e := d.events(); len(e) != 1 || !strings.Contains(e[0], "No commit found") || d.asked() != 1 {
		t.Errorf("events %q, asked %v", e, d.host.asked)
	}
}

func TestAHostThatFailsIsAskedAgainAlsoAfterARestart(t *testing.T) {
	d := newDesk(t)
	d.host.answer = func(n int, _ *http.Request) (int, map[string]string, string) {
		if n == 1 {
			return http.StatusBadGateway, nil, "<html>"
		}
		return http.StatusCreated, nil, "{}"
	}
	d.queue("status dep_1", platform.ReportSuccess)
	d.until("it is postponed", func() bool { r := d.stored("status dep_1"); return r != nil && r.Attempts == 1 })
	d.stop()
	r := *d.stored("status dep_1")
	r.Due = time.Now() // as if the pause were over
	if err := d.db.KeepReport(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.run()
	d.until("it is told", func() bool { return d.stored("status dep_1") == nil })
	if len(d.events()) > 0 {
		t.Errorf("events %q", d.events())
	}
}
