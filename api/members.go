package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type memberPath struct {
	Member string `path:"member" doc:"id or name"`
}

type changeMember struct {
	Member string `path:"member" doc:"id or name"`
	IfMatch
	Body wire.MemberChange
}

type invite struct {
	Body wire.NewInvitation
}

type invitationPath struct {
	Invitation string `path:"invitation" doc:"id, or the name of who is invited"`
}

func (s *Server) memberOperations(api huma.API) {
	op := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: path, tag: "members", summary: summary, need: platform.MayAdminister}
	}
	list := op("list-members", http.MethodGet, "/v1/members", "List members")
	list.need = platform.MayRead
	create := op("invite-member", http.MethodPost, "/v1/invitations", "Invite somebody to become a member")
	create.status = http.StatusCreated
	accept := op("accept-invitation", http.MethodPost, "/v1/invitations/accept", "Become a member; the bearer token is the invitation")
	accept.status, accept.need = http.StatusCreated, platform.MayJoin
	add(s, api, list, s.listMembers)
	add(s, api, op("get-member", http.MethodGet, "/v1/members/{member}", "Get a member"), s.getMember)
	add(s, api, op("change-member", http.MethodPatch, "/v1/members/{member}", "Change a member's role or projects"), s.changeMember)
	add(s, api, op("remove-member", http.MethodDelete, "/v1/members/{member}", "Remove a member with all tokens and keys"), s.removeMember)
	add(s, api, op("list-invitations", http.MethodGet, "/v1/invitations", "List invitations that can still be accepted"), s.listInvitations)
	add(s, api, create, s.invite)
	add(s, api, op("withdraw-invitation", http.MethodDelete, "/v1/invitations/{invitation}", "Take an invitation back"), s.uninvite)
	add(s, api, accept, s.join)
}

func (s *Server) listMembers(ctx context.Context, in *Page) (*listed[platform.Member], error) {
	all, err := s.Records.Members(ctx, account(ctx))
	return short(ctx, *in, all, func(m platform.Member) string { return m.ID }, err)
}

func (s *Server) getMember(ctx context.Context, in *memberPath) (*tagged[platform.Member], error) {
	m, err := s.Records.Member(ctx, account(ctx), in.Member)
	return taggedMember(m, err)
}

func taggedMember(m platform.Member, err error) (*tagged[platform.Member], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[platform.Member]{ETag: etag(m), Body: m}, nil
}

func (s *Server) changeMember(ctx context.Context, in *changeMember) (*tagged[platform.Member], error) {
	var projects []string
	if in.Body.Projects != nil {
		var err error
		if projects, err = s.projectIDs(ctx, *in.Body.Projects); err != nil {
			return nil, err
		}
	}
	return taggedMember(s.Records.UpdateMember(ctx, account(ctx), in.Member, func(m *platform.Member) error {
		if err := in.check(*m); err != nil {
			return err
		}
		set(&m.Role, in.Body.Role)
		if in.Body.Projects != nil {
			m.Projects = projects
		}
		return nil
	}))
}

func (s *Server) removeMember(ctx context.Context, in *memberPath) (*none, error) {
	return nil, s.Records.RemoveMember(ctx, account(ctx), in.Member)
}

func (s *Server) listInvitations(ctx context.Context, in *Page) (*listed[platform.Invitation], error) {
	all, err := s.Records.Invitations(ctx, account(ctx))
	return short(ctx, *in, all, func(i platform.Invitation) string { return i.ID }, err)
}

func (s *Server) invite(ctx context.Context, in *invite) (*body[wire.MadeInvitation], error) {
	projects, err := s.projectIDs(ctx, in.Body.Projects)
	if err != nil {
		return nil, err
	}
	c := caller(ctx)
	made, secret, err := s.Records.Invite(ctx, c.Account, platform.Invitation{Name: in.Body.Name, Role: in.Body.Role, Projects: projects, By: c.MemberName})
	return answer(wire.MadeInvitation{Invitation: made, Secret: secret}, err)
}

func (s *Server) uninvite(ctx context.Context, in *invitationPath) (*none, error) {
	return nil, s.Records.Uninvite(ctx, account(ctx), in.Invitation)
}

func (s *Server) join(ctx context.Context, _ *none) (*body[wire.Joined], error) {
	m, secret, err := s.Records.Join(ctx, caller(ctx).Credential)
	return answer(wire.Joined{Member: m, Secret: secret}, err)
}

// projectIDs are the ids of projects by what a request calls them; none of them: nil, which is no limit.
func (s *Server) projectIDs(ctx context.Context, refs []string) ([]string, error) {
	var ids []string
	for _, ref := range refs {
		p, err := s.project(ctx, ref)
		if err != nil {
			return nil, err
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}
