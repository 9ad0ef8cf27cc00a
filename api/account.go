package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
)

func (s *Server) accountOperations(api huma.API) {
	add(s, api, operation{id: "whoami", method: http.MethodGet, path: "/v1/whoami", tag: "account",
		summary: "Who the token speaks for"}, s.whoami)
	add(s, api, operation{id: "status", method: http.MethodGet, path: "/v1/status", tag: "account",
		summary: "How the server is: version, counts, daemons"}, s.status)
}

func (s *Server) whoami(ctx context.Context, _ *none) (*body[wire.Whoami], error) {
	a, err := s.Records.Account(ctx, account(ctx))
	return answer(wire.Whoami{Account: a, Token: requestOf(ctx).caller().Name}, err)
}

func (s *Server) status(ctx context.Context, _ *none) (*body[wire.ServerStatus], error) {
	services, err := s.Records.Services(ctx, account(ctx))
	if err != nil {
		return nil, err
	}
	out := wire.ServerStatus{Version: s.Version, Started: s.started, Ready: s.Host.Ready() == nil, Daemons: s.Host.Daemons()}
	if out.Daemons == nil {
		out.Daemons = []wire.Daemon{}
	}
	out.Counts.Services = len(services)
	for _, svc := range services {
		if svc.Live == "" {
			continue
		}
		out.Counts.Live++
		d, err := s.Records.Deployment(ctx, svc.Live)
		if err != nil {
			return nil, err
		}
		out.Counts.Spherelets += d.Config.Count
	}
	return answer(out, nil)
}
