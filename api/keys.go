package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

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
		return operation{id: id, method: method, path: path, summary: summary, tag: "keys", status: status, need: platform.MayKeep}
	}
	add(s, api, op("list-keys", http.MethodGet, "/v1/keys", "List one's own SSH keys; as an admin, everybody's", 0), s.listKeys)
	add(s, api, op("add-key", http.MethodPost, "/v1/keys", "Add an SSH key, which may do what its member may", http.StatusCreated), s.addKey)
	add(s, api, op("remove-key", http.MethodDelete, "/v1/keys/{key}", "Remove an SSH key", 0), s.removeKey)
}

func (s *Server) listKeys(ctx context.Context, in *Page) (*listed[platform.Key], error) {
	all, err := s.Records.ListKeys(ctx, account(ctx))
	ward := wardOf(caller(ctx))
	all = slices.DeleteFunc(all, func(k platform.Key) bool { return ward != "" && k.Member != ward })
	return short(ctx, *in, all, func(k platform.Key) string { return k.ID }, err)
}

// addKey is for who can do all that the member can: the key will, and it does not end by itself.
func (s *Server) addKey(ctx context.Context, in *addKey) (*body[platform.Key], error) {
	c := caller(ctx)
	if c.Less {
		return nil, fmt.Errorf("%w: an SSH key can do all that %s can, for ever, and the token %s cannot; add it with a token without limits", platform.ErrForbidden, c.MemberName, c.Name)
	}
	return answer(s.Records.AddKey(ctx, c.Member, in.Body.Name, in.Body.Public))
}

func (s *Server) removeKey(ctx context.Context, in *keyPath) (*none, error) {
	return nil, s.Records.RemoveKey(ctx, account(ctx), wardOf(caller(ctx)), in.Key)
}
