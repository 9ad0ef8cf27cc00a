package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"csph/platform"
)

// MaxBody is the largest delivery that is read: the most that GitHub sends.
const MaxBody = 25 << 20

// answerTime bounds the reading of a delivery and all that is done before it is answered.
const answerTime = 30 * time.Second

// Handler answers deliveries at POST /hooks/{id}.
type Handler struct {
	hooks  Hooks
	orders Orders
	queue  *Queue
	log    *slog.Logger
}

// NewHandler returns a handler that gives what it accepts to the queue.
func NewHandler(hooks Hooks, orders Orders, queue *Queue, log *slog.Logger) *Handler {
	return &Handler{hooks: hooks, orders: orders, queue: queue, log: log}
}

// Answer is the body of every answer.
type Answer struct {
	Status string `json:"status"` // queued, ignored, duplicate, pong, error
	Reason string `json:"reason,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// refusal is an answer to a delivery that is not taken, with the cause for the log.
type refusal struct {
	code   int
	reason string
	err    error
}

func (r *refusal) Error() string { return r.reason }
func (r *refusal) Unwrap() error { return r.err }

// ServeHTTP answers one delivery: at once, since providers give up after ten seconds; what it asks for comes later.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	code, answer, err := h.serve(ctx, w, r)
	var refused *refusal
	if errors.As(err, &refused) {
		code, answer = refused.code, Answer{Status: "error", Reason: refused.reason}
		if refused.err != nil {
			h.log.Warn("a webhook's delivery was not taken", "hook", r.PathValue("id"), "remote", r.RemoteAddr, "reason", refused.reason, "err", refused.err)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // the provider that cannot be told will try again
}

func (h *Handler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) (int, Answer, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return 0, Answer{}, &refusal{code: http.StatusMethodNotAllowed, reason: "webhooks are delivered by POST"}
	}
	hook, err := h.hooks.Hook(ctx, r.PathValue("id"))
	if errors.Is(err, platform.ErrNotFound) {
		return 0, Answer{}, &refusal{code: http.StatusNotFound, reason: "there is no such webhook; csph webhooks list shows those that there are"}
	}
	if err != nil {
		return 0, Answer{}, &refusal{code: http.StatusServiceUnavailable, reason: "the server cannot look the webhook up; deliver again", err: err}
	}
	body, err := readBody(w, r)
	if err != nil {
		return 0, Answer{}, err
	}
	return h.deliver(ctx, hook, delivered{r.Header, body, addressOf(r)})
}

// delivered is a delivery as it came.
type delivered struct {
	header  http.Header
	body    []byte
	address string // that it came from
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if controller := http.NewResponseController(w); controller.SetReadDeadline(time.Now().Add(answerTime)) == nil {
		defer func() { _ = controller.SetReadDeadline(time.Time{}) }() // the connection is gone otherwise
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &refusal{code: http.StatusRequestEntityTooLarge, reason: "the delivery is larger than 25 MB"}
	case err != nil:
		return nil, &refusal{code: http.StatusBadRequest, reason: "the delivery did not arrive whole"}
	}
	return body, nil
}

// deliver takes a delivery in: proves it, understands it, judges it, and stores what it asks for.
func (h *Handler) deliver(ctx context.Context, hook Hook, d delivered) (int, Answer, error) {
	speech := dialects()[hook.Provider]
	if !speech.genuine(d.header, d.body, hook.Secret) {
		h.hooks.Refused(ctx, hook, d.address)
		return 0, Answer{}, &refusal{code: http.StatusUnauthorized, reason: "the delivery is not signed with this webhook's secret; csph webhooks rotate makes a new one"}
	}
	event, err := speech.understand(d.header, d.body)
	if err != nil {
		return 0, Answer{}, &refusal{code: http.StatusBadRequest, reason: "the delivery cannot be read: " + err.Error()}
	}
	if event.Ping {
		return http.StatusOK, Answer{Status: "pong"}, nil
	}
	verdict := hook.Judge(event)
	if verdict.Reason != "" {
		return http.StatusOK, Answer{Status: "ignored", Reason: verdict.Reason}, nil
	}
	order := verdict.Order
	if order.Delivery = speech.delivery(d.header, d.body); order.Delivery == "" {
		order.Delivery = digest(d.body)
	}
	order.Address = d.address
	return h.accept(ctx, order)
}

// understand reads a genuine delivery, out of its form where it comes in one.
func (d dialect) understand(header http.Header, body []byte) (Event, error) {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if d.form && kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Event{}, err
		}
		body = []byte(form.Get("payload"))
	}
	return d.read(header, body)
}

// digest names a delivery that has no name.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (h *Handler) accept(ctx context.Context, o Order) (int, Answer, error) {
	stored, fresh, err := h.orders.Accept(ctx, o)
	if err != nil {
		return 0, Answer{}, &refusal{code: http.StatusServiceUnavailable, reason: "the server cannot store the delivery; deliver again", err: err}
	}
	if !fresh {
		return http.StatusOK, Answer{Status: "duplicate", Reason: "this delivery was accepted before", Commit: o.Commit}, nil
	}
	h.queue.add(stored)
	return http.StatusAccepted, Answer{Status: "queued", Commit: o.Commit}, nil
}
