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
}

func (s *Server) disk(ctx context.Context, _ *none) (*body[wire.Disk], error) {
	return answer(s.Host.Disk(ctx))
}
