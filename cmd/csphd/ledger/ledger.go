// Package ledger is the records and the bus in the words of the API: it translates between store's types
// and api's, and decides nothing.
package ledger

import (
	"context"
	"iter"

	"csph/api"
	"csph/api/wire"
	"csph/platform"
	"csph/store"
)

// Records are store's records as the API wants them.
type Records struct{ *store.DB }

// FoundAccount implements api.Accounts.
func (r Records) FoundAccount(ctx context.Context, name string, q platform.Quota) (platform.Account, string, error) {
	made, err := r.CreateAccount(ctx, name, q)
	return made.Account, made.Token, err
}

// UsageOf implements api.Accounts.
func (r Records) UsageOf(ctx context.Context, account string) (used platform.Quota, services, live int, err error) {
	u, err := r.Usage(ctx, account, "")
	if err != nil {
		return used, 0, 0, err
	}
	u.Quota.DiskMB, err = r.DiskMB(ctx, account)
	return u.Quota, u.Services, u.Live, err
}

// Tokens implements api.Tokens.
func (r Records) Tokens(ctx context.Context, account string) ([]wire.TokenView, error) {
	all, err := r.ListTokens(ctx, account)
	views := make([]wire.TokenView, len(all))
	for i, t := range all {
		views[i] = wire.TokenView{Token: t.Token, LastUsed: t.LastUsed}
	}
	return views, err
}

// ServicePage implements api.Services.
func (r Records) ServicePage(ctx context.Context, q api.ServiceQuery) ([]platform.Service, error) {
	return r.DB.ServicePage(ctx, store.ServicePage(q))
}

// DeploymentPage implements api.Deployments.
func (r Records) DeploymentPage(ctx context.Context, q api.DeploymentQuery) ([]platform.Deployment, error) {
	return r.DB.DeploymentPage(ctx, store.Page(q))
}

// AuditPage implements api.AuditLog.
func (r Records) AuditPage(ctx context.Context, q api.AuditQuery) ([]platform.AuditEntry, error) {
	return r.DB.AuditPage(ctx, store.AuditPage(q))
}

// Claim implements api.Answers.
func (r Records) Claim(ctx context.Context, credential, key, fingerprint string) (api.Answer, bool, error) {
	before, claimed, err := r.DB.Claim(ctx, credential, key, fingerprint)
	return api.Answer(before), claimed, err
}

// Bus is store's bus as the API wants it.
type Bus struct{ *store.DB }

// Events implements api.Events.
func (b Bus) Events(ctx context.Context, q api.EventQuery) iter.Seq2[platform.Event, error] {
	return b.Subscribe(ctx, store.Filter(q))
}
