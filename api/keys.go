package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type addKey struct {
	Body wire.NewKey
}

type keyPath struct {
	Key string `path:"key" doc:"id, fingerprint, or a name that only one key has"`
}

func (s *Server) keyOperations(api huma.API) {
	op := func(id, method, path, summary string, status int) operation {
		return operation{id: id, method: method, path: path, summary: summary, tag: "keys", status: status}
	}
	add(s, api, op("list-keys", http.MethodGet, "/v1/keys", "List SSH keys", 0), s.listKeys)
	add(s, api, op("add-key", http.MethodPost, "/v1/keys", "Add an SSH key that may push", http.StatusCreated), s.addKey)
	add(s, api, op("remove-key", http.MethodDelete, "/v1/keys/{key}", "Remove an SSH key", 0), s.removeKey)
}

func (s *Server) listKeys(ctx context.Context, _ *none) (*body[[]platform.Key], error) {
	return list(s.Records.ListKeys(ctx, account(ctx)))
}

func (s *Server) addKey(ctx context.Context, in *addKey) (*body[platform.Key], error) {
	return answer(s.Records.AddKey(ctx, account(ctx), in.Body.Name, in.Body.Public))
}

func (s *Server) removeKey(ctx context.Context, in *keyPath) (*none, error) {
	return nil, s.Records.RemoveKey(ctx, account(ctx), in.Key)
}
