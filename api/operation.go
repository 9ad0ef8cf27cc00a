package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
)

// operation is one entry of the API.
type operation struct {
	id      string
	method  string
	path    string
	summary string
	tag     string
	status  int            // of success; 0 means 200, or 204 without a body
	stream  *huma.Response // of success, when it is no JSON
}

// add registers an operation. Whatever h returns as an error goes out, and into the log, through problem.
func add[I, O any](s *Server, api huma.API, op operation, h func(context.Context, *I) (*O, error)) {
	responses := map[string]*huma.Response{"default": problemResponse(api)}
	if op.stream != nil {
		responses["200"] = op.stream
	}
	huma.Register(api, huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Tags: []string{op.tag},
		DefaultStatus: op.status, Responses: responses,
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
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

// list is a JSON array, never null.
func list[T any](v []T, err error) (*body[[]T], error) {
	if v == nil {
		v = []T{}
	}
	return answer(v, err)
}

// none is a request without parameters, or a response without a body.
type none struct{}
