package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"csph/platform"
	"csph/store"
)

// patience bounds every wait of the suite.
const patience = 2 * time.Minute

// Records is what the suite demands of records.
type Records interface {
	VolumeRecords
	Bootstrap(ctx context.Context, keep func(token string) error) (created bool, err error)
	Account(ctx context.Context, id string) (platform.Account, error)
	Accounts(ctx context.Context) ([]platform.Account, error)

	Project(ctx context.Context, id string) (platform.Project, error)
	Projects(ctx context.Context, account string) ([]platform.Project, error)
	CreateProject(ctx context.Context, account, name string) (platform.Project, error)
	Environment(ctx context.Context, id string) (platform.Environment, error)
	Environments(ctx context.Context, project string) ([]platform.Environment, error)
	CreateEnvironment(ctx context.Context, project, name string) (platform.Environment, error)
	UpdateEnvironment(ctx context.Context, id string, change func(*platform.Environment) error) (platform.Environment, error)

	CreateService(ctx context.Context, account, ref string, draft platform.Service) (platform.Service, error)
	Service(ctx context.Context, id string) (platform.Service, error)
	ResolveService(ctx context.Context, account, ref string) (platform.Service, error)
	Services(ctx context.Context, account string) ([]platform.Service, error)
	AutoscaledServices(ctx context.Context) ([]platform.Service, error)
	UpdateService(ctx context.Context, id string, change func(*platform.Service) error) (platform.Service, error)
	DeleteService(ctx context.Context, id string) error

	CreateDeployment(ctx context.Context, d platform.Deployment, events ...platform.Event) (platform.Deployment, error)
	Deployment(ctx context.Context, id string) (platform.Deployment, error)
	FindDeployment(ctx context.Context, account, prefix string) (platform.Deployment, error)
	Deployments(ctx context.Context, service string, limit int) ([]platform.Deployment, error)
	DeploymentPage(ctx context.Context, p store.Page) ([]platform.Deployment, error)
	Unsettled(ctx context.Context) ([]platform.Deployment, error)
	Advance(ctx context.Context, id string, from platform.Status, move platform.Move, set func(*platform.Deployment), events ...platform.Event) (platform.Deployment, error)
	Promote(ctx context.Context, next, previous string, events ...platform.Event) (platform.Deployment, error)
	DropImage(ctx context.Context, id string) error

	CreateDomain(ctx context.Context, d platform.Domain) (platform.Domain, error)
	Domain(ctx context.Context, id string) (platform.Domain, error)
	FindDomain(ctx context.Context, account, ref string) (platform.Domain, error)
	Domains(ctx context.Context, account string) ([]platform.Domain, error)
	UpdateDomain(ctx context.Context, id string, change func(*platform.Domain) error) (platform.Domain, error)
	AdvanceDomain(ctx context.Context, id string, from platform.DomainStatus, move platform.DomainMove, set func(*platform.Domain)) (platform.Domain, error)
	DeleteDomain(ctx context.Context, id string) error

	AddKey(ctx context.Context, member, name, line string) (platform.Key, error)
	ListKeys(ctx context.Context, account string) ([]platform.Key, error)
	RemoveKey(ctx context.Context, account, member, ref string) error
	KeyByFingerprint(ctx context.Context, fingerprint string) (platform.Key, platform.Account, error)
	CreateToken(ctx context.Context, member string, draft platform.Token) (t platform.Token, secret string, err error)
	Authenticate(ctx context.Context, secret string) (platform.Caller, error)
	ListTokens(ctx context.Context, account string) ([]store.Token, error)
	RevokeToken(ctx context.Context, account, member, ref string) error
}

// fixture is empty, bootstrapped records and what every test needs with them.
type fixture struct {
	Records
	t       *testing.T
	ctx     context.Context
	account string
	member  string // the first admin
	token   string // the admin's
}

// TestRecords runs the suite. open returns empty records and closes them at the end of the test.
func TestRecords(t *testing.T, open func(t *testing.T) Records) {
	for _, group := range []map[string]func(*fixture){startTests, serviceTests, deploymentTests, moveTests, keyTests, tokenTests, domainTests, volumeTests} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				f := &fixture{Records: open(t), t: t, ctx: ctx}
				f.start()
				test(f)
			})
		}
	}
}

// start bootstraps the records.
func (f *fixture) start() {
	f.t.Helper()
	created, err := f.Bootstrap(f.ctx, func(token string) error { f.token = token; return nil })
	f.ok(err)
	if !created {
		f.t.Fatal("empty records were bootstrapped already")
	}
	accounts, err := f.Accounts(f.ctx)
	f.ok(err)
	f.account = accounts[0].ID
	admin, err := f.Authenticate(f.ctx, f.token)
	f.ok(err)
	f.member = admin.Member
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) refused(err, target error) {
	f.t.Helper()
	if !errors.Is(err, target) {
		f.t.Fatalf("error is %v; want one that is %q", err, target)
	}
}

// same fails unless got and want are equal.
func same[T comparable](f *fixture, what string, got, want T) {
	f.t.Helper()
	if got != want {
		f.t.Fatalf("%s is %v; want %v", what, got, want)
	}
}

func (f *fixture) service(ref string) platform.Service {
	f.t.Helper()
	s, err := f.CreateService(f.ctx, f.account, ref, platform.Service{})
	f.ok(err)
	return s
}

func (f *fixture) deployment(s platform.Service) platform.Deployment {
	f.t.Helper()
	d, err := f.CreateDeployment(f.ctx, platform.Deployment{Service: s.ID, Config: s.Config})
	f.ok(err)
	return d
}

// carry makes moves with a deployment.
func (f *fixture) carry(d platform.Deployment, moves ...platform.Move) platform.Deployment {
	f.t.Helper()
	for _, m := range moves {
		var err error
		d, err = f.Advance(f.ctx, d.ID, d.Status, m, nil)
		f.ok(err)
	}
	return d
}
