package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"csph/api/wire"
	"csph/platform"
)

// Tokens lists tokens: one's own; as an admin, everybody's.
func (c *Client) Tokens(ctx context.Context) ([]wire.TokenView, error) {
	return all[wire.TokenView](ctx, c, "/v1/tokens", nil)
}

// CreateToken makes a token.
func (c *Client) CreateToken(ctx context.Context, n wire.NewToken) (wire.MadeToken, error) {
	return ask[wire.MadeToken](ctx, c, http.MethodPost, "/v1/tokens", n)
}

// RevokeToken ends a token, by id or name.
func (c *Client) RevokeToken(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/tokens/{}", ref), nil, nil)
}

// Members lists members.
func (c *Client) Members(ctx context.Context) ([]platform.Member, error) {
	return all[platform.Member](ctx, c, "/v1/members", nil)
}

// ChangeMember changes a member's role or projects.
func (c *Client) ChangeMember(ctx context.Context, ref string, change wire.MemberChange) (platform.Member, error) {
	return ask[platform.Member](ctx, c, http.MethodPatch, pathOf("/v1/members/{}", ref), change)
}

// RemoveMember removes a member.
func (c *Client) RemoveMember(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/members/{}", ref), nil, nil)
}

// Invitations lists invitations that can still be accepted.
func (c *Client) Invitations(ctx context.Context) ([]platform.Invitation, error) {
	return all[platform.Invitation](ctx, c, "/v1/invitations", nil)
}

// Invite makes an invitation.
func (c *Client) Invite(ctx context.Context, n wire.NewInvitation) (wire.MadeInvitation, error) {
	return ask[wire.MadeInvitation](ctx, c, http.MethodPost, "/v1/invitations", n)
}

// Uninvite takes an invitation back.
func (c *Client) Uninvite(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/invitations/{}", ref), nil, nil)
}

// Join accepts the invitation that the client was made with as its token.
func (c *Client) Join(ctx context.Context) (wire.Joined, error) {
	return ask[wire.Joined](ctx, c, http.MethodPost, "/v1/invitations/accept", nil)
}

// Accounts lists the accounts of the server.
func (c *Client) Accounts(ctx context.Context) ([]platform.Account, error) {
	return all[platform.Account](ctx, c, "/v1/accounts", nil)
}

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, n wire.NewAccount) (wire.MadeAccount, error) {
	return ask[wire.MadeAccount](ctx, c, http.MethodPost, "/v1/accounts", n)
}

// SetQuota replaces the quota of an account.
func (c *Client) SetQuota(ctx context.Context, ref string, q platform.Quota) (platform.Account, error) {
	return ask[platform.Account](ctx, c, http.MethodPut, pathOf("/v1/accounts/{}/quota", ref), q)
}

// Audit lists the newest entries of the audit log, newest first; limit 0 means all.
func (c *Client) Audit(ctx context.Context, limit int) ([]platform.AuditEntry, error) {
	return atMost[platform.AuditEntry](ctx, c, "/v1/audit", url.Values{}, limit)
}

// AuditAfter lists the entries behind a position, newest first.
func (c *Client) AuditAfter(ctx context.Context, after int64) ([]platform.AuditEntry, error) {
	return all[platform.AuditEntry](ctx, c, "/v1/audit", url.Values{"after": {strconv.FormatInt(after, 10)}})
}
