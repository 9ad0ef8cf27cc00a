package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/platform"
)

// operation is one entry of the API.
type operation struct {
	id      string
	method  string
	path    string
	summary string
	tag     string
	need    platform.Right // of the caller; empty: MayRead to GET, MayChange for everything else
	status  int            // of success; 0 means 200, or 204 without a body
	stream  *huma.Response // of success, when it is no JSON
	part    bool           // of another operation, which is what the audit log has
	changes bool           // something, although it is a GET
}

// operationsOf makes the operations of one part of the API.
func operationsOf(tag string) func(id, method, path, summary string) operation {
	return func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: path, summary: summary, tag: tag}
	}
}

// answering is the operation with a status of success of its own.
func (o operation) answering(status int) operation {
	o.status = status
	return o
}

// needing is the operation with a right of its own that it needs of its caller.
func (o operation) needing(right platform.Right) operation {
	o.need = right
	return o
}

// right is what the operation needs of its caller.
func (o operation) right() platform.Right {
	switch {
	case o.need != "":
		return o.need
	case o.method == http.MethodGet:
		return platform.MayRead
	}
	return platform.MayChange
}

// rightExtension says in the document what an operation needs.
const rightExtension = "x-csph-right"

// add registers an operation. Before anything of it is read, the caller's right to it is checked. Whatever h returns
// as an error goes out, and into the log, through problem; every change, done or not, is in the audit log, also when the
// process ends in the middle of it.
func add[I, O any](s *Server, api huma.API, op operation, h func(context.Context, *I) (*O, error)) {
	responses := map[string]*huma.Response{"default": problemResponse(api)}
	if op.stream != nil {
		responses["200"] = op.stream
	}
	huma.Register(api, huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Tags: []string{op.tag},
		DefaultStatus: op.status, Responses: responses,
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Middlewares: huma.Middlewares{s.allowed(op)}, Extensions: map[string]any{rightExtension: op.right()},
	}, func(ctx context.Context, in *I) (*O, error) {
		within, settle := s.audited(ctx, op)
		out, err := h(within, in)
		settle(err)
		if err != nil {
			requestOf(ctx).fail(err)
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// body is a response with a JSON body.
type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{Body: v}, nil
}

// none is a request without parameters, or a response without a body.
type none struct{}
