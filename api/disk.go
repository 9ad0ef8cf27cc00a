package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

func (s *Server) diskOperations(api huma.API) {
	add(s, api, operation{
		id: "get-disk", method: http.MethodGet, path: "/v1/disk", tag: "account", need: platform.MayOperate,
		summary: "What uses the server's disk: images, caches, logs, repositories, by service",
	}, s.disk)
	add(s, api, operation{
		id: "clear-cache", method: http.MethodPost, path: "/v1/services/{service}/clear-cache", tag: "services",
		summary: "Drop what builds of a service have cached; the next deployment is built anew",
	}, s.clearCache)
}

func (s *Server) disk(ctx context.Context, _ *none) (*body[wire.Disk], error) {
	return answer(s.Host.Disk(ctx))
}

func (s *Server) clearCache(ctx context.Context, in *ServicePath) (*body[wire.Freed], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	freed, err := s.Host.ClearCache(ctx, svc.ID)
	return answer(wire.Freed{Bytes: freed}, err)
}
