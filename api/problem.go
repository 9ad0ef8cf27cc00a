package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/tarball"
	"csph/api/wire"
	"csph/platform"
)

// problem is an error on its way out: what the client gets, and the cause for the log.
type problem struct {
	wire.Problem
	cause error
}

func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) Unwrap() error             { return p.cause }
func (p *problem) ContentType(string) string { return "application/problem+json" }
func (p *problem) Error() string             { return p.Problem.Error() }

// kind is how the errors of a sentinel look from outside.
type kind struct {
	sentinel error
	status   int
	code     string
	hint     string
}

// kinds lists the errors that are the client's; the first that matches counts.
func kinds() []kind {
	return []kind{
		{tarball.ErrTooLarge, http.StatusRequestEntityTooLarge, wire.CodeTooLarge, "leave out what the build does not need with .deployignore"},
		{tarball.ErrMissing, http.StatusConflict, wire.CodeConflict, "ask what is missing, send it, and upload again"},
		{tarball.ErrRefused, http.StatusUnprocessableEntity, wire.CodeInvalid, "pack only files, folders and links within the source"},
		{platform.ErrInvalid, http.StatusUnprocessableEntity, wire.CodeInvalid, ""},
		{platform.ErrNotFound, http.StatusNotFound, wire.CodeNotFound, ""},
		{platform.ErrCapacity, http.StatusConflict, wire.CodeCapacity, ""},
		{platform.ErrPrecondition, http.StatusPreconditionFailed, wire.CodePrecondition, "read it again, and repeat the change with the new ETag"},
		{platform.ErrConflict, http.StatusConflict, wire.CodeConflict, ""},
		{platform.ErrForbidden, http.StatusForbidden, wire.CodeForbidden, ""},
		{platform.ErrUnauthorized, http.StatusUnauthorized, wire.CodeUnauthorized, "send a token as Authorization: Bearer csph_…; csph login keeps one, the first is in admin.token of the state folder"},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, wire.CodeUnavailable, "the server is busy; try again in a moment"},
	}
}

// problem turns err into what the client gets. It is the only place that does.
func (s *Server) problem(ctx context.Context, err error) *problem {
	p := &problem{cause: err, Problem: wire.Problem{
		Status: http.StatusInternalServerError, Code: wire.CodeInternal,
		Detail: "the server failed to carry out the request",
		Hint:   "the server's log has the cause under this request id",
	}}
	var tooLarge *http.MaxBytesError
	var failure *platform.Failure
	var often *rateError
	switch {
	case errors.As(err, &often):
		p.limited(often)
	case errors.As(err, &tooLarge):
		p.Status, p.Code, p.Hint = http.StatusRequestEntityTooLarge, wire.CodeTooLarge, ""
		p.Detail = fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)
	case errors.As(err, &failure):
		p.Status, p.Code, p.Detail, p.Hint = http.StatusUnprocessableEntity, string(failure.Reason), failure.Message, failure.Hint
	default:
		p.classify(err)
	}
	return p.finish(ctx)
}

func (p *problem) classify(err error) {
	for _, k := range kinds() {
		if errors.Is(err, k.sentinel) {
			p.Status, p.Code, p.Hint = k.status, k.code, k.hint
			p.Detail = sentence(err, k.sentinel)
			return
		}
	}
}

func (p *problem) finish(ctx context.Context) *problem {
	p.Type, p.Title, p.RequestID = "about:blank", http.StatusText(p.Status), requestOf(ctx).id
	return p
}

// sentence is err's text without the sentinel's: its status and code say that already.
func sentence(err, sentinel error) string {
	text := strings.Replace(err.Error(), sentinel.Error()+": ", "", 1)
	return strings.TrimSuffix(text, ": "+sentinel.Error())
}

// transform gives huma's own errors (decoding, validation) the form of all others.
func (s *Server) transform(ctx huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *problem:
		return &e.Problem, nil
	case *huma.ErrorModel:
		return &s.refused(ctx.Context(), e).Problem, nil
	}
	return v, nil
}

func (s *Server) refused(ctx context.Context, e *huma.ErrorModel) *problem {
	p := &problem{cause: e, Problem: wire.Problem{Status: e.Status, Code: wire.CodeBadRequest, Detail: e.Detail,
		Hint: "GET /openapi.json describes every request"}}
	switch e.Status {
	case http.StatusUnprocessableEntity:
		p.Code = wire.CodeInvalid
	case http.StatusRequestEntityTooLarge:
		p.Code = wire.CodeTooLarge
	case http.StatusInternalServerError:
		p.Code, p.Detail, p.Hint = wire.CodeInternal, "the server failed to carry out the request", ""
	}
	for _, field := range e.Errors {
		p.Errors = append(p.Errors, wire.ProblemField{Location: field.Location, Message: field.Message})
	}
	requestOf(ctx).fail(e)
	return p.finish(ctx)
}

// write sends p outside of huma: from middleware, and for paths that are no operation.
func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" { // pages ask browsers
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p.Problem) // the client went away: nothing is left to be done
}
