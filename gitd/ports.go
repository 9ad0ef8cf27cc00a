package gitd

import (
	"context"
	"io"

	"github.com/gliderlabs/ssh"

	"csph/deploy"
	"csph/platform"
)

// Identity is whom a key belongs to.
type Identity struct {
	Account string // id
	Name    string // of the key; recorded as the actor of its pushes
	// Projects are the ids of those it is limited to; nil: all of the account's.
	Projects []string
	// NoPush says why it may fetch only; nil: it may push.
	NoPush error
}

// Keys knows the public keys that may log in.
type Keys interface {
	// Authenticate returns whom key belongs to; platform.ErrUnauthorized for a stranger. It is called
	// before the client has proved that it holds the key, and again after.
	Authenticate(ctx context.Context, key ssh.PublicKey) (Identity, error)
}

// Services resolves the path of a push or fetch: "<service>", "<env>/<service>" or
// "<project>/<env>/<service>", already checked for its form.
type Services interface {
	// Resolve returns the service that path names exactly; platform.ErrNotFound when there is none,
	// platform.ErrForbidden when id may not use it.
	Resolve(ctx context.Context, id Identity, path string) (platform.Service, error)
	// Create makes the service that path names, for its first push. platform.ErrForbidden when id may
	// not, platform.ErrNotFound when the project or environment is not there; platform.ErrConflict when
	// the service exists by now.
	Create(ctx context.Context, id Identity, path string) (platform.Service, error)
}

// Deployer makes deployments.
type Deployer interface {
	// Deploy blocks until the deployment has settled and returns it, also when it failed, was cancelled
	// or superseded; the error is for what never became a deployment. Until Accept was called, ending
	// ctx cancels the build; from then on it has no effect.
	Deploy(ctx context.Context, r deploy.Request) (platform.Deployment, error)
}

// Narrator tells a person how a deployment goes.
type Narrator interface {
	// Follow writes lines to w, as things happen, until the deployment has settled or ctx ends.
	Follow(ctx context.Context, deployment string, w io.Writer) error
}

// Files are those of what is live of services.
type Files interface {
	// ServeFiles talks SFTP on stream about the files of the service that user means, for a client at address, until
	// ctx or the stream ends. ErrForbidden when id may not, ErrNotFound when there is no such service, ErrConflict when nothing
	// of it runs, or when other spherelets have come to serve meanwhile: the client connects anew, to those.
	ServeFiles(ctx context.Context, id Identity, address, user string, stream io.ReadWriter) error
}
