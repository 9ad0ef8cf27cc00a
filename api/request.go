package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"csph/api/wire"
	"csph/platform"
)

// request is what is known of a request while it is answered.
type request struct {
	id      string
	target  string // what it is about: the path below /v1/
	path    string // as it was asked for, with its escapes
	query   url.Values
	address string // IP it came from

	mu     sync.Mutex
	caller platform.Caller
	cause  error
}

type requestKey struct{}

// requestOf returns the request that ctx belongs to; a blank one outside of any.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// fail notes why the request failed, for its log line.
func (r *request) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cause = err
}

func (r *request) identify(c platform.Caller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caller = c
}

// caller is who asks.
func caller(ctx context.Context) platform.Caller {
	r := requestOf(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caller
}

// account is whose records the request may see.
func account(ctx context.Context) string { return caller(ctx).Account }

// trigger names the caller as who asked for a deployment.
func trigger(ctx context.Context, kind string) platform.Trigger {
	return platform.Trigger{Kind: kind, Actor: caller(ctx).Name, Address: requestOf(ctx).address}
}

func (r *request) outcome() (token string, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caller.Name, r.cause
}

func newRequest(r *http.Request) *request {
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return &request{
		id: "req_" + strings.ToLower(rand.Text()), target: strings.TrimPrefix(r.URL.Path, "/v1/"), path: r.URL.EscapedPath(), query: r.URL.Query(), address: address,
	}
}

// observed gives every request an id, and its one line in the log.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		req := newRequest(r)
		w.Header().Set("X-Request-Id", req.id)
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r.WithContext(context.WithValue(r.Context(), requestKey{}, req)))
		s.log(r, req, cmp.Or(seen.status, http.StatusOK), time.Since(began))
	})
}

func (s *Server) log(r *http.Request, req *request, status int, took time.Duration) {
	token, cause := req.outcome()
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("request", req.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Duration("took", took.Round(time.Microsecond)), slog.String("token", token),
	}
	if cause != nil {
		attrs = append(attrs, slog.Any("err", cause))
	}
	if status >= http.StatusInternalServerError && r.URL.Path != "/healthz" { // "not yet" is an answer, not a fault
		level = slog.LevelError
	}
	s.Logger.LogAttrs(r.Context(), level, "api request", attrs...)
}

// recovered turns a panic of a handler into an internal error; the server goes on.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				s.refuse(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// refuse answers with err, outside of any operation.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	requestOf(r.Context()).fail(err)
	s.problem(r.Context(), err).write(w)
}

func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	p := s.problem(r.Context(), fmt.Errorf("%w: there is no operation %s %s", platform.ErrNotFound, r.Method, r.URL.Path))
	p.Hint = "GET /openapi.json lists the operations"
	p.write(w)
}

// serveHealth answers 200 once everything is up; it needs no token and tells nothing but that.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := s.Host.Ready(); err != nil {
		requestOf(r.Context()).fail(err)
		p := s.problem(r.Context(), err)
		p.Status, p.Code, p.Title = http.StatusServiceUnavailable, wire.CodeUnavailable, http.StatusText(http.StatusServiceUnavailable)
		p.Detail, p.Hint = "not everything is up yet", "csph status says what is missing"
		p.write(w)
		return
	}
	_, _ = w.Write([]byte("ok\n")) // the client went away: nothing is left to be done
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach deadlines and Flush.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
