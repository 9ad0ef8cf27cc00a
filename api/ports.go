package api

import (
	"context"
	"iter"

	"csph/api/wire"
	"csph/deploy"
	"csph/platform"
)

// Tokens knows who a bearer token speaks for.
type Tokens interface {
	// Authenticate returns the token's record; platform.ErrUnauthorized for one that is not known.
	Authenticate(ctx context.Context, token string) (platform.Token, error)
	Account(ctx context.Context, id string) (platform.Account, error)
}

// Services keeps services. What is resolved within an account is never another account's.
type Services interface {
	Services(ctx context.Context, account string) ([]platform.Service, error)
	// ResolveService takes an id, name, env/name or project/env/name.
	ResolveService(ctx context.Context, account, ref string) (platform.Service, error)
	CreateService(ctx context.Context, account, ref string, draft platform.Service) (platform.Service, error)
}

// Deployments keeps deployments.
type Deployments interface {
	Deployment(ctx context.Context, id string) (platform.Deployment, error)
	// Deployments lists a service's deployments, newest first; limit 0 means all.
	Deployments(ctx context.Context, service string, limit int) ([]platform.Deployment, error)
	// FindDeployment takes an id or a unique prefix of one.
	FindDeployment(ctx context.Context, account, prefix string) (platform.Deployment, error)
}

// Keys keeps SSH public keys.
type Keys interface {
	ListKeys(ctx context.Context, account string) ([]platform.Key, error)
	// AddKey takes a line of authorized_keys form; an empty name means its comment.
	AddKey(ctx context.Context, account, name, line string) (platform.Key, error)
	// RemoveKey takes an id, a fingerprint, or a name that only one key has.
	RemoveKey(ctx context.Context, account, ref string) error
}

// Records is everything that is kept.
type Records interface {
	Tokens
	Services
	Deployments
	Keys
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
	// Withdraw stops a service for good and deletes it with everything it has. It blocks until that is done.
	Withdraw(ctx context.Context, service string) error
}

// Runtime is what runs.
type Runtime interface {
	// Spherelets lists the spherelets of a deployment as they are now.
	Spherelets(deployment string) []platform.Spherelet
}

// Host knows the machine.
type Host interface {
	// Daemons lists the supervised processes.
	Daemons() []wire.Daemon
	// Ready says why the server is not ready to take work; nil when everything is up.
	Ready() error
}
