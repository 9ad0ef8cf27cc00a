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

type createToken struct {
	Body wire.NewToken
}

type tokenPath struct {
	Token string `path:"token" doc:"id, or a name that only one token has"`
}

func (s *Server) tokenOperations(api huma.API) {
	op := func(id, method, path, summary string, status int) operation {
		return operation{id: id, method: method, path: path, tag: "tokens", summary: summary, status: status, need: platform.MayKeep}
	}
	add(s, api, op("list-tokens", http.MethodGet, "/v1/tokens", "List one's own tokens; as an admin, everybody's", 0), s.listTokens)
	add(s, api, op("create-token", http.MethodPost, "/v1/tokens", "Create a token that can do what its member can, or less", http.StatusCreated), s.createToken)
	add(s, api, op("revoke-token", http.MethodDelete, "/v1/tokens/{token}", "End a token", 0), s.revokeToken)
}

// wardOf is the member whose tokens and keys the caller looks after: its own; empty, for everybody's, for admins.
func wardOf(c platform.Caller) string {
	if c.Check(platform.MayAdminister) == nil {
		return ""
	}
	return c.Member
}

func (s *Server) listTokens(ctx context.Context, in *Page) (*listed[wire.TokenView], error) {
	all, err := s.Records.Tokens(ctx, account(ctx))
	ward := wardOf(caller(ctx))
	all = slices.DeleteFunc(all, func(t wire.TokenView) bool { return ward != "" && t.Member != ward })
	return short(ctx, *in, all, func(t wire.TokenView) string { return t.ID }, err)
}

func (s *Server) createToken(ctx context.Context, in *createToken) (*body[wire.MadeToken], error) {
	c := caller(ctx)
	member, err := s.tokenOwner(ctx, c, in.Body.Member)
	if err != nil {
		return nil, err
	}
	projects, err := s.projectIDs(ctx, in.Body.Projects)
	if err != nil {
		return nil, err
	}
	if projects == nil {
		projects = c.Projects // a token makes none that could do more
	}
	expires, err := c.Lend(in.Body.Expires)
	if err != nil {
		return nil, err
	}
	t, secret, err := s.Records.CreateToken(ctx, member, platform.Token{Name: in.Body.Name, ReadOnly: in.Body.ReadOnly, Projects: projects, Expires: expires})
	return answer(wire.MadeToken{Token: t, Secret: secret}, err)
}

// tokenOwner is the id of the member that a new token is for.
func (s *Server) tokenOwner(ctx context.Context, c platform.Caller, ref string) (string, error) {
	if ref == "" || ref == c.Member || ref == c.MemberName {
		return c.Member, nil
	}
	if err := c.Check(platform.MayAdminister); err != nil {
		return "", fmt.Errorf("make a token of somebody else: %w", err)
	}
	m, err := s.Records.Member(ctx, c.Account, ref)
	return m.ID, err
}

func (s *Server) revokeToken(ctx context.Context, in *tokenPath) (*none, error) {
	return nil, s.Records.RevokeToken(ctx, account(ctx), wardOf(caller(ctx)), in.Token)
}
