package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"csph/gitd/webhook"
	"csph/platform"
	"csph/store"
)

// idle is a starter that has nothing to do.
type idle struct{}

func (idle) Start(context.Context, webhook.Order) (string, error) { return "", nil }
func (idle) Wait(context.Context, string) (string, error)         { return "", nil }

// BenchmarkDelivery answers pushes of GitHub on real records: proven, understood, and durable before the answer.
func BenchmarkDelivery(b *testing.B) {
	r, svc := reported(b)
	w, secret, err := r.db.CreateWebhook(b.Context(), platform.Webhook{Service: svc.ID, Provider: "github"})
	if err != nil {
		b.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	records := hooks{r.db, newRefusals(r.db, logger)}
	queue := webhook.NewQueue(records, idle{}, logger)
	mux := http.NewServeMux()
	mux.Handle("/hooks/{id}", webhook.NewHandler(records, records, queue, logger))
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":%q,"head_commit":{"id":%q,"message":"m"},"padding":%q}`, reportedCommit, reportedCommit, strings.Repeat("x", 20<<10))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		request := httptest.NewRequest(http.MethodPost, "/hooks/"+w.ID, strings.NewReader(body))
		request.Header.Set("X-GitHub-Event", "push")
		request.Header.Set("X-GitHub-Delivery", fmt.Sprint(n))
		request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		answer := httptest.NewRecorder()
		began := time.Now()
		mux.ServeHTTP(answer, request)
		took = append(took, time.Since(began))
		if answer.Code != http.StatusAccepted {
			b.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// desk answers deliveries for the webhook of a service of r.
func (r reports) desk(t *testing.T, service string) (handler http.Handler, path, secret string) {
	t.Helper()
	w, secret, err := r.db.CreateWebhook(t.Context(), platform.Webhook{Service: service, Provider: "github"})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	records := hooks{r.db, newRefusals(r.db, logger)}
	mux := http.NewServeMux()
	trusted := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	mux.Handle("/hooks/{id}", behindRouter(trusted, webhook.NewHandler(records, records, webhook.NewQueue(records, idle{}, logger), logger)))
	return mux, "/hooks/" + w.ID, secret
}

// pushOf is what GitHub delivers of a push to a branch, as the router passes it on.
func pushOf(path, secret, branch string) *http.Request {
	body := fmt.Sprintf(`{"ref":"refs/heads/%s","after":%q,"sender":{"login":"ada"}}`, branch, reportedCommit)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	request.RemoteAddr = "127.0.0.1:4711"
	request.Header.Set("X-Forwarded-For", "203.0.113.9, 192.0.2.7, 198.51.100.3")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", branch)
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return request
}

func TestDeliveriesAreInTheAuditLogWithWhereTheyCameFrom(t *testing.T) {
	r, svc := reported(t)
	handler, path, secret := r.desk(t, svc.ID)
	for _, c := range []struct {
		secret string
		status int
	}{{secret, http.StatusAccepted}, {secret, http.StatusOK}, {"another", http.StatusUnauthorized}} {
		answer := httptest.NewRecorder()
		if handler.ServeHTTP(answer, pushOf(path, c.secret, "main")); answer.Code != c.status {
			t.Fatalf("%d %s; want %d", answer.Code, answer.Body, c.status)
		}
	}
	all, err := r.db.AuditPage(t.Context(), store.AuditPage{Accounts: []string{svc.Account}})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	forged, taken := all[0], all[1]
	if taken.Action != "webhook" || taken.Status != http.StatusAccepted || taken.Member != "ada" || taken.Address != "192.0.2.7" || !strings.HasSuffix(path, strings.TrimPrefix(taken.Target, "webhooks")) || !strings.Contains(taken.Message, reportedCommit) {
		t.Errorf("what was taken on is %+v", taken)
	}
	if forged.Action != "webhook" || forged.Status != http.StatusUnauthorized || forged.Member != "" || forged.Address != "192.0.2.7" {
		t.Errorf("what was forged is %+v", forged)
	}
	waiting, err := hooks{db: r.db}.Waiting(t.Context())
	if err != nil || len(waiting) != 1 || triggerOf(waiting[0]) != (platform.Trigger{Kind: platform.TriggerWebhook, Actor: "ada", Address: "192.0.2.7"}) {
		t.Errorf("%+v, %v", waiting, err)
	}
}

func TestAWebhookWithoutABranchFollowsTheOneThatTheServiceIsConnectedTo(t *testing.T) {
	r, svc := reported(t)
	r.connect(t, svc.ID, platform.Repository{URL: "https://github.com/acme/shop", Branch: "develop", Credential: platform.ByToken})
	handler, path, secret := r.desk(t, svc.ID)
	for branch, want := range map[string]int{"develop": http.StatusAccepted, "main": http.StatusOK} {
		answer := httptest.NewRecorder()
		if handler.ServeHTTP(answer, pushOf(path, secret, branch)); answer.Code != want {
			t.Errorf("%s: %d %s; want %d", branch, answer.Code, answer.Body, want)
		}
	}
}

func TestAnAddressWithACredentialIsRefusedBeforeItIsKept(t *testing.T) {
	for _, address := range []string{"https://me:hunter2@github.com/acme/shop", "https://hunter2@github.com/acme/shop", "ssh://git:hunter2@github.com/acme/shop"} {
		err := origins{}.CheckRepository(platform.Repository{URL: address, Credential: platform.ByDeployKey})
		if !errors.Is(err, platform.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
