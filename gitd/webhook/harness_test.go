package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"csph/platform"
)

const secret = "s3cret of the webhook"

// desk is a Handler with its Queue on records that live in memory.
type desk struct {
	t      *testing.T
	hook   Hook
	queue  *Queue
	server *httptest.Server
	stop   func()

	mu      sync.Mutex
	broken  bool
	stored  []Order
	refused []string          // addresses of deliveries that were not proven
	settled map[string]string // order → outcome
	started chan Order
	ends    chan string // outcomes of the deployments, in the order in which they are waited for
}

func newDesk(t *testing.T, hook Hook) *desk {
	t.Helper()
	hook.ID, hook.Service, hook.Secret = "whk_1", "svc_1", secret
	d := &desk{t: t, hook: hook, settled: map[string]string{}, started: make(chan Order, 100), ends: make(chan string, 100)}
	d.open()
	t.Cleanup(func() { d.close() })
	return d
}

// open is what a start of the server does.
func (d *desk) open() {
	logger := slog.New(slog.NewTextHandler(d.t.Output(), nil))
	d.queue = NewQueue(d, d, logger)
	mux := http.NewServeMux()
	mux.Handle("/hooks/{id}", NewHandler(d, d, d.queue, logger))
	d.server = httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.queue.Run(ctx) }()
	d.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
	}
}

func (d *desk) close() {
	d.server.Close()
	d.stop()
}

func (d *desk) Hook(_ context.Context, id string) (Hook, error) {
	if id != d.hook.ID {
		return Hook{}, fmt.Errorf("webhook %s: %w", id, platform.ErrNotFound)
	}
	return d.hook, nil
}

func (d *desk) Refused(_ context.Context, _ Hook, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = append(d.refused, address)
}

func (d *desk) Accept(_ context.Context, o Order) (Order, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		return o, false, errors.New("the disk is full")
	}
	for _, s := range d.stored {
		if s.Hook == o.Hook && s.Delivery == o.Delivery {
			return s, false, nil
		}
	}
	o.ID, o.Accepted = fmt.Sprint("order ", len(d.stored)), time.Now()
	d.stored = append(d.stored, o)
	return o, true, nil
}

func (d *desk) Waiting(context.Context) ([]Order, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var waiting []Order
	for _, o := range d.stored {
		if _, ok := d.settled[o.ID]; !ok {
			waiting = append(waiting, o)
		}
	}
	return waiting, nil
}

func (d *desk) Settle(_ context.Context, id, _, outcome string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settled[id] = outcome
	return nil
}

func (d *desk) Start(_ context.Context, o Order) (string, error) {
	d.started <- o
	if o.Subject == "refuse me" {
		return "", errors.New("there is no such service any more")
	}
	return "dep of " + o.ID, nil
}

func (d *desk) Wait(ctx context.Context, _ string) (string, error) {
	select {
	case outcome := <-d.ends:
		return outcome, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// next is the next order that is started.
func (d *desk) next() Order {
	d.t.Helper()
	select {
	case o := <-d.started:
		return o
	case <-time.After(10 * time.Second):
		d.t.Fatal("nothing was started")
		return Order{}
	}
}

// delivery is one delivery, to be made or forged.
type delivery struct {
	header http.Header
	body   []byte
}

// sample is the delivery of provider with a body of testdata, proven as the provider does it.
func sample(t testing.TB, p Provider, event, file string) delivery {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return genuine(p, event, body)
}

func genuine(p Provider, event string, body []byte) delivery {
	h := http.Header{"Content-Type": {"application/json"}}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	sum := hex.EncodeToString(mac.Sum(nil))
	set := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
	}
	switch p {
	case GitHub:
		set("X-GitHub-Event", event, "X-GitHub-Delivery", "d-1", "X-Hub-Signature-256", "sha256="+sum)
	case Gitea:
		set("X-Gitea-Event", event, "X-Gitea-Delivery", "d-1", "X-Gitea-Signature", sum)
	case GitLab:
		set("X-Gitlab-Event", event, "X-Gitlab-Event-UUID", "other", "Idempotency-Key", "d-1", "X-Gitlab-Token", secret)
	case Bitbucket:
		set("X-Event-Key", event, "X-Request-UUID", "d-1", "X-Hub-Signature", "sha256="+sum)
	case BitbucketServer:
		set("X-Event-Key", event, "X-Request-Id", "d-1", "X-Hub-Signature", "sha256="+sum)
	case Generic:
		set("X-Csph-Delivery", "d-1", "X-Csph-Signature-256", "sha256="+sum)
	case AzureDevOps:
		r := &http.Request{Header: h}
		r.SetBasicAuth(azureUser, secret)
	}
	return delivery{h, body}
}

// asForm is the delivery as an HTML form, signed anew.
func (d delivery) asForm(p Provider, event string) delivery {
	signed := genuine(p, event, []byte(url.Values{"payload": {string(d.body)}}.Encode()))
	signed.header.Set("Content-Type", "application/x-www-form-urlencoded")
	return signed
}

// send delivers to the hook and returns the answer.
func (d *desk) send(one delivery) (int, Answer) {
	d.t.Helper()
	return d.sendTo("/hooks/"+d.hook.ID, one)
}

func (d *desk) sendTo(path string, one delivery) (int, Answer) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.server.URL+path, bytes.NewReader(one.body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header = one.header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	var a Answer
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
		d.t.Fatal(err)
	}
	return answer.StatusCode, a
}
