package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type createAccount struct {
	Body wire.NewAccount
}

type accountPath struct {
	Account string `path:"account" doc:"id or name"`
}

type setQuota struct {
	Account string `path:"account" doc:"id or name"`
	IfMatch
	Body platform.Quota
}

func (s *Server) accountOperations(api huma.API) {
	op := operationsOf("account")
	create := op("create-account", http.MethodPost, "/v1/accounts", "Create an account of its own on this server, with a first admin").needing(platform.MayOperate).answering(http.StatusCreated)
	add(s, api, op("whoami", http.MethodGet, "/v1/whoami", "Who the token speaks for, and what it may do"), s.whoami)
	add(s, api, op("status", http.MethodGet, "/v1/status", "How the server is: version, counts, daemons, and what the account uses"), s.status)
	add(s, api, op("list-accounts", http.MethodGet, "/v1/accounts", "List accounts").needing(platform.MayOperate), s.listAccounts)
	add(s, api, create, s.createAccount)
	add(s, api, op("get-account", http.MethodGet, "/v1/accounts/{account}", "Get an account with its quota").needing(platform.MayOperate), s.getAccount)
	add(s, api, op("set-quota", http.MethodPut, "/v1/accounts/{account}/quota", "Replace an account's quota; what is left out is not bounded").needing(platform.MayOperate), s.setQuota)
}

func (s *Server) whoami(ctx context.Context, _ *none) (*body[wire.Whoami], error) {
	c := caller(ctx)
	a, err := s.Records.Account(ctx, c.Account)
	who := wire.Whoami{Account: a, Token: c.Name, Member: c.MemberName, Role: c.Role, ReadOnly: c.ReadOnly, Projects: c.Projects}
	for _, right := range platform.Rights() {
		if c.Check(right) == nil {
			who.Rights = append(who.Rights, right)
		}
	}
	return answer(who, err)
}

// anyService stands for the name of a service in what is shown to people.
const anyService = "SERVICE"

func (s *Server) status(ctx context.Context, _ *none) (*body[wire.ServerStatus], error) {
	used, services, live, err := s.Records.UsageOf(ctx, account(ctx))
	if err != nil {
		return nil, err
	}
	out := wire.ServerStatus{
		Version: s.Version, Started: s.started, Ready: s.Host.Ready() == nil, Daemons: s.Host.Daemons(), Usage: used, GitPort: s.GitPort,
		AppsURL: s.URL(platform.Service{Name: anyService, Host: anyService, Type: platform.Web}),
		Counts:  wire.ServerCounts{Services: services, Live: live, Spherelets: used.Spherelets},
	}
	if out.Daemons == nil {
		out.Daemons = []wire.Daemon{}
	}
	return answer(out, nil)
}

func (s *Server) listAccounts(ctx context.Context, in *Page) (*listed[platform.Account], error) {
	all, err := s.Records.Accounts(ctx)
	return short(ctx, *in, all, func(a platform.Account) string { return a.ID }, err)
}

func (s *Server) createAccount(ctx context.Context, in *createAccount) (*body[wire.MadeAccount], error) {
	a, secret, err := s.Records.FoundAccount(ctx, in.Body.Name, in.Body.Quota)
	return answer(wire.MadeAccount{Account: a, Secret: secret}, err)
}

// taggedAccount has the ETag of its quota, which is what can be changed of it.
func taggedAccount(a platform.Account, err error) (*tagged[platform.Account], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[platform.Account]{ETag: etag(a.Quota), Body: a}, nil
}

func (s *Server) getAccount(ctx context.Context, in *accountPath) (*tagged[platform.Account], error) {
	return taggedAccount(s.Records.FindAccount(ctx, in.Account))
}

func (s *Server) setQuota(ctx context.Context, in *setQuota) (*tagged[platform.Account], error) {
	return taggedAccount(s.Records.SetQuota(ctx, in.Account, in.Body, func(a platform.Account) error { return in.check(a.Quota) }))
}
