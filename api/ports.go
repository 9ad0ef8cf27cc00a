package api

import (
	"context"
	"io"
	"iter"

	"csph/api/wire"
	"csph/deploy"
	"csph/platform"
)

// Credentials knows who a token speaks for.
type Credentials interface {
	// Authenticate returns whom a token or invitation speaks for; platform.ErrUnauthorized for one that is not known.
	Authenticate(ctx context.Context, token string) (platform.Caller, error)
}

// Accounts keeps accounts.
type Accounts interface {
	Account(ctx context.Context, id string) (platform.Account, error)
	Accounts(ctx context.Context) ([]platform.Account, error)
	// FoundAccount makes an account with a first admin, and returns that one's token.
	FoundAccount(ctx context.Context, name string, q platform.Quota) (platform.Account, string, error)
	// FindAccount takes an id or a name.
	FindAccount(ctx context.Context, ref string) (platform.Account, error)
	// SetQuota takes an id or a name; check is asked under the records' lock.
	SetQuota(ctx context.Context, ref string, q platform.Quota, check func(platform.Account) error) (platform.Account, error)
	// UsageOf is what an account uses of its quota.
	UsageOf(ctx context.Context, account string) (used platform.Quota, services, live int, err error)
}

// Members keeps members. A ref is an id or a name.
type Members interface {
	Members(ctx context.Context, account string) ([]platform.Member, error)
	Member(ctx context.Context, account, ref string) (platform.Member, error)
	UpdateMember(ctx context.Context, account, ref string, change func(*platform.Member) error) (platform.Member, error)
	RemoveMember(ctx context.Context, account, ref string) error
}

// Invitations keeps invitations.
type Invitations interface {
	Invite(ctx context.Context, account string, draft platform.Invitation) (made platform.Invitation, secret string, err error)
	Invitations(ctx context.Context, account string) ([]platform.Invitation, error)
	Uninvite(ctx context.Context, account, ref string) error
	// Join uses an invitation up and returns the new member with a token.
	Join(ctx context.Context, invitation string) (m platform.Member, secret string, err error)
}

// Tokens keeps API tokens.
type Tokens interface {
	CreateToken(ctx context.Context, member string, draft platform.Token) (t platform.Token, secret string, err error)
	Tokens(ctx context.Context, account string) ([]wire.TokenView, error)
	// RevokeToken takes an id, or a name that only one token has; with a member only one of that member's.
	RevokeToken(ctx context.Context, account, member, ref string) error
}

// Projects keeps projects. What is resolved within an account is never another account's.
type Projects interface {
	Projects(ctx context.Context, account string) ([]platform.Project, error)
	// ResolveProject takes an id, a unique prefix of one, or a name.
	ResolveProject(ctx context.Context, account, ref string) (platform.Project, error)
	CreateProject(ctx context.Context, account, name string) (platform.Project, error)
	DeleteProject(ctx context.Context, id string) error
}

// Environments keeps environments.
type Environments interface {
	Environments(ctx context.Context, project string) ([]platform.Environment, error)
	// ResolveEnvironment takes an id, a unique prefix of one, name or project/name.
	ResolveEnvironment(ctx context.Context, account, ref string) (platform.Environment, error)
	CreateEnvironment(ctx context.Context, project, name string) (platform.Environment, error)
	UpdateEnvironment(ctx context.Context, id string, change func(*platform.Environment) error) (platform.Environment, error)
	DeleteEnvironment(ctx context.Context, id string) error
}

// ServiceQuery selects services, by project, environment and name. Zero fields do not restrict.
type ServiceQuery struct {
	Account     string
	Projects    []string  // ids; nil: all
	Environment string    // id
	After       [3]string // project, environment and name of the last service of the page before
	Limit       int
}

// Services keeps services.
type Services interface {
	Service(ctx context.Context, id string) (platform.Service, error)
	ServicePage(ctx context.Context, q ServiceQuery) ([]platform.Service, error)
	// ResolveService takes an id, a unique prefix of one, name, env/name or project/env/name.
	ResolveService(ctx context.Context, account, ref string) (platform.Service, error)
	CreateService(ctx context.Context, account, ref string, draft platform.Service) (platform.Service, error)
}

// Secrets keeps secret variables and the passwords of registries. Nothing that is put in comes out through it
// but Masked, which is for hiding.
type Secrets interface {
	KeepSecret(ctx context.Context, service, name, value, by string) (version int64, err error)
	// Secrets describes those versions, by name.
	Secrets(ctx context.Context, service string, versions map[string]int64) ([]platform.Secret, error)
	// Masked lists what must not be seen in the logs of a service.
	Masked(ctx context.Context, service string) ([]string, error)
}

// Registries keeps where services pull private images from.
type Registries interface {
	SetRegistry(ctx context.Context, service string, r platform.Registry, password string) (platform.Registry, error)
	Registries(ctx context.Context, service string) ([]platform.Registry, error)
	RemoveRegistry(ctx context.Context, service, host string) error
}

// DeploymentQuery selects deployments, newest first. Zero fields do not restrict.
type DeploymentQuery struct {
	Account  string
	Projects []string // ids; nil: all
	Service  string
	Status   platform.Status
	Before   string // id of the last deployment of the page before
	Limit    int
}

// Deployments keeps deployments.
type Deployments interface {
	Deployment(ctx context.Context, id string) (platform.Deployment, error)
	DeploymentPage(ctx context.Context, q DeploymentQuery) ([]platform.Deployment, error)
	// LiveOf reads the live deployments of services, by service.
	LiveOf(ctx context.Context, services []platform.Service) (map[string]platform.Deployment, error)
	// FindDeployment takes an id or a unique prefix of one.
	FindDeployment(ctx context.Context, account, prefix string) (platform.Deployment, error)
}

// Keys keeps SSH public keys.
type Keys interface {
	ListKeys(ctx context.Context, account string) ([]platform.Key, error)
	// AddKey takes a line of authorized_keys form; an empty name means its comment.
	AddKey(ctx context.Context, member, name, line string) (platform.Key, error)
	// RemoveKey takes an id, a fingerprint, or a name that only one key has; with a member only one of that member's.
	RemoveKey(ctx context.Context, account, member, ref string) error
}

// AuditQuery selects entries of the audit log, newest first.
type AuditQuery struct {
	Accounts []string // "" is nobody known
	Before   int64    // position of the last entry of the page before
	After    int64    // only entries behind this position
	Limit    int
}

// AuditLog keeps who changed what.
type AuditLog interface {
	// Audit writes entries; without any, it writes what ctx announces, if that is not written yet.
	Audit(ctx context.Context, entries ...platform.AuditEntry) error
	// Announce returns a context with which the first change that is made writes e in the same transaction, with the status
	// 0; settle puts e with its outcome in the place of that, or writes it where nothing was changed.
	Announce(ctx context.Context, e platform.AuditEntry) (within context.Context, settle func(context.Context, platform.AuditEntry) error)
	AuditPage(ctx context.Context, q AuditQuery) ([]platform.AuditEntry, error)
}

// Answer is what a request with an Idempotency-Key was answered.
type Answer struct {
	Fingerprint string // of the request
	Status      int    // 0: not answered yet, or never
	Body        []byte
}

// Answers keeps answers for a day, across restarts.
type Answers interface {
	// Claim reserves a key of a credential; claimed is false when it is taken, and before says by what.
	Claim(ctx context.Context, credential, key, fingerprint string) (before Answer, claimed bool, err error)
	Answered(ctx context.Context, credential, key string, status int, body []byte) error
	Unclaim(ctx context.Context, credential, key string) error
}

// Repositories keeps where the sources of services are. The credentials that are put in do not come out.
type Repositories interface {
	// check is asked under the records' lock about what is connected, a blank one where nothing is.
	ConnectRepository(ctx context.Context, service string, r platform.Repository, secret []byte, check func(platform.Repository) error) (platform.Repository, error)
	// Repository returns platform.ErrNotFound when none is connected.
	Repository(ctx context.Context, service string) (platform.Repository, error)
	DisconnectRepository(ctx context.Context, service string) error
	// Preview returns platform.ErrNotFound for a service that is none.
	Preview(ctx context.Context, service string) (platform.Preview, error)
}

// Webhooks keeps webhooks and what they have taken on.
type Webhooks interface {
	CreateWebhook(ctx context.Context, w platform.Webhook) (made platform.Webhook, secret string, err error)
	Webhook(ctx context.Context, id string) (platform.Webhook, error)
	Webhooks(ctx context.Context, service string) ([]platform.Webhook, error)
	RotateWebhook(ctx context.Context, id string) (secret string, err error)
	DeleteWebhook(ctx context.Context, id string) error
	// Deliveries lists the newest first, and only those before one, unless that is "".
	Deliveries(ctx context.Context, webhook, before string, limit int) ([]platform.Delivery, error)
}

// Records is everything that is kept.
type Records interface {
	Repositories
	Webhooks
	Timers
	Credentials
	Accounts
	Members
	Invitations
	Tokens
	Projects
	Environments
	Services
	Secrets
	Registries
	Deployments
	Keys
	AuditLog
	Answers
	VolumeRecords
}

// EventQuery selects events. Zero fields do not restrict.
type EventQuery struct {
	Service    string // id
	Deployment string // id
	After      int64  // only events after this position
	Live       bool   // go on with what is published later, until ctx ends
}

// Events reads the bus.
type Events interface {
	// Events yields what q selects in order of position. An error is yielded once, and last.
	Events(ctx context.Context, q EventQuery) iter.Seq2[platform.Event, error]
}

// Deployer carries deployments out.
type Deployer interface {
	// Start makes a deployment, queued, and returns at once; the server carries it through.
	Start(ctx context.Context, r deploy.Request) (platform.Deployment, error)
	// Cancel stops a deployment that is queued or building, and returns when it has stopped.
	Cancel(ctx context.Context, id string) error
	// Configure changes a service's config and, where a version is live, rolls it out again.
	Configure(ctx context.Context, service string, t platform.Trigger, change func(*platform.Config) error) (d platform.Deployment, deployed bool, err error)
	// Suspend stops the spherelets of what is live and keeps everything else. It blocks until they have stopped.
	Suspend(ctx context.Context, service string) error
	// Withdraw stops a service for good and deletes it with everything it has. It blocks until that is done.
	Withdraw(ctx context.Context, service string) error
}

// Runtime is what runs.
type Runtime interface {
	// Spherelets lists the spherelets of a deployment as they are now, by id.
	Spherelets(deployment string) []platform.Spherelet
	// Use is what a spherelet uses now; an error when it does not run.
	Use(spherelet string) (platform.Use, error)
}

// Pullers checks access to registries.
type Pullers interface {
	// CheckLogin asks the registry whether it lets username in; a *platform.Failure says why not.
	CheckLogin(ctx context.Context, host, username, password string) error
}

// Commands runs commands of users. Ending ctx kills the command.
type Commands interface {
	// Exec runs a command in a spherelet that runs, and returns its exit status.
	Exec(ctx context.Context, spherelet string, c Command) (exit int, err error)
	// RunOnce runs a command in a spherelet of its own, of what is live of a service or was last.
	RunOnce(ctx context.Context, service string, command []string, out io.Writer) (exit int, err error)
	// RunAttached is RunOnce for a command that is talked to.
	RunAttached(ctx context.Context, service string, c Command) (exit int, err error)
}

// Remotes reaches repositories elsewhere.
type Remotes interface {
	// CheckRepository refuses a connection that cannot be meant.
	CheckRepository(r platform.Repository) error
	// Probe asks a repository what commit a branch is at, "" for the default branch; a *platform.Failure or
	// platform.ErrInvalid says why not.
	Probe(ctx context.Context, r platform.Repository, secret []byte) (commit string, err error)
	// Source is the source of a deployment of service: of the connected repository, or of another one, which
	// is then opened without a credential. An empty branch is the connected one, or the default.
	Source(ctx context.Context, service, url, branch string) (deploy.Source, error)
}

// Hooks knows the providers of repositories.
type Hooks interface {
	// Check refuses a webhook whose provider or pattern is not understood.
	Check(w platform.Webhook) error
	// Setup says where a webhook is reached, and what to enter where at its provider.
	Setup(w platform.Webhook, secret string) (url string, lines []string)
}

// Host knows the machine.
type Host interface {
	// Daemons lists the supervised processes.
	Daemons() []wire.Daemon
	// Ready says why the server is not ready to take work; nil when everything is up.
	Ready() error
	// Disk measures what uses the disk.
	Disk(ctx context.Context) (wire.Disk, error)
	// ClearCache drops what builds of a service have cached, and returns how many bytes that freed.
	ClearCache(ctx context.Context, service string) (freed int64, err error)
}
