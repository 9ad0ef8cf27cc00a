package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"csph/gitd/webhook"
	"csph/platform"
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
	records, logger := hooks{r.db}, slog.New(slog.DiscardHandler)
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
