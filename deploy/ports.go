package deploy

import (
	"context"
	"net/netip"
	"time"

	"csph/buildpacks"
	"csph/platform"
)

// Source is what a deployment is built from.
type Source interface {
	// Describe says what it is; it never fails and never blocks.
	Describe() platform.Source
	// Checkout makes the files available in a folder of the local disk and returns it. deploy calls it
	// at most once, at the start of the build, while no other build of the service runs. The files stay
	// unchanged until the next Checkout for the same service; a file whose content did not change
	// keeps its mtime, one that did gets a newer one.
	Checkout(ctx context.Context) (dir string, err error)
}

// Build is one order to the builder.
type Build struct {
	Deployment string
	Service    string // names the caches
	Dir        string // the source
	Plan       buildpacks.Plan
	Env        map[string]string // variables of the service that the build may see
	Secrets    map[string]string // the service's, by name: for the steps to see, and for nothing to hold
	Labels     map[string]string // of the image
	Source     platform.Source   // where Dir comes from
	Last       platform.Image    // what is live; returned again when it was made of the very same. Zero: build
	NoCache    bool              // build anew, whatever is cached
}

// Builder makes images.
type Builder interface {
	// Admit blocks until a build of service may run, or ctx ends. waiting is told what the build waits for, whenever
	// that changes. release gives the place back.
	Admit(ctx context.Context, account, service string, waiting func(why string)) (release func(), err error)
	// Held returns, for a plan whose images cannot be had here, the versions by language whose images can; nil where
	// the plan can be followed. It blocks for some seconds at the most.
	Held(ctx context.Context, plan buildpacks.Plan) map[string][]string
	// Build blocks until the image is in the engine's store, and writes the build's log as it goes.
	// Cancelling ctx kills the running step at once. Errors that are the user's are *platform.Failure.
	Build(ctx context.Context, b Build) (platform.Image, error)
	// Pull resolves ref to a digest and fetches it into the engine's store. Errors that are the
	// user's are *platform.Failure with ImagePullFailed.
	Pull(ctx context.Context, deployment, ref string) (platform.Image, error)
	// Log opens the deployment's build log for writing what is not the builder's own: detection,
	// pulling, the release command. Lines appear to readers at once. Close ends the log for followers.
	Log(deployment string) (BuildLog, error)
	// Forget deletes the image of a deployment that is no longer restorable; its layers go with the next collection.
	Forget(ctx context.Context, image platform.Image) error
}

// BuildLog is a build log being written. Safe for concurrent use.
type BuildLog interface {
	Step(text string)
	Line(text string)
	Close() error
}

// Engine runs sets of identical spherelets.
type Engine interface {
	// Apply declares the set of a deployment and returns once the engine has taken it on, before the
	// spherelets run. A second Apply for the same deployment changes its count and nothing else.
	Apply(ctx context.Context, set platform.Set) error
	// Watch streams the state of each spherelet of a deployment ("" for all), the full current state
	// first, then every change, until ctx ends; the channel then closes. A slow reader sees only the newest state
	// of each spherelet, and never misses the last one.
	Watch(ctx context.Context, deployment string) <-chan platform.Spherelet
	// Spherelets lists the spherelets of a deployment ("" for all) as last observed; it never blocks.
	Spherelets(deployment string) []platform.Spherelet
	// Tail returns the last lines that the deployment's spherelets wrote, oldest first.
	Tail(deployment string, lines int) ([]string, error)
	// Remove stops the deployment's spherelets (SIGTERM, grace, SIGKILL) and removes everything of
	// them except their logs. It blocks until that is done. Removing what is not there is no error.
	Remove(ctx context.Context, deployment string, grace time.Duration) error
	// Restart ends the process of a spherelet (SIGTERM, grace, SIGKILL), which is then started again as after any
	// other end. It blocks until the process has ended.
	Restart(ctx context.Context, spherelet string, grace time.Duration) error
	// Ask runs command in a spherelet that runs, until ctx ends, and returns its exit code and the end of what it said.
	Ask(ctx context.Context, spherelet string, command []string) (exit int, said string, err error)
	// RunOnce runs command in the image of set to its end, output to log, and returns its exit code.
	RunOnce(ctx context.Context, set platform.Set, command []string, log BuildLog) (exit int, err error)
}

// Prober asks spherelets whether they are ready and well.
type Prober interface {
	// Ready blocks until the spherelet answers as check demands (nil: the default rule of SPEC section
	// 4) or ctx ends; the first tries come every 50 ms. A warning is something to tell the user although it passed.
	Ready(ctx context.Context, s platform.Spherelet, check *platform.Check) (warning string, err error)
	// Try asks once, for some seconds at most; nil when the spherelet passes.
	Try(ctx context.Context, s platform.Spherelet, check platform.Check) error
}

// Router moves traffic.
type Router interface {
	// Swap makes targets the ones that serve hosts for service, from the moment it returns, and
	// returns the targets that no longer get new requests. No targets: the service answers 503.
	Swap(ctx context.Context, service string, hosts []string, targets []netip.AddrPort) (replaced []netip.AddrPort, err error)
	// Remove takes a service out of the table: its hosts are unknown from then on.
	Remove(ctx context.Context, service string) (replaced []netip.AddrPort)
	// Drain blocks until no request is in flight to targets, or the deadline, and returns how many were cut.
	Drain(ctx context.Context, targets []netip.AddrPort, deadline time.Duration) (cut int, err error)
	// DrainStreams blocks until drained targets have no websocket or event stream left either; those have
	// a longer deadline of the router's own, and are then closed in waves. It returns how many were closed.
	DrainStreams(ctx context.Context, targets []netip.AddrPort) (cut int, err error)
}

// Records keeps services and deployments. Every write is durable when it returns.
type Records interface {
	Service(ctx context.Context, id string) (platform.Service, error)
	// Services lists all services of an account.
	Services(ctx context.Context, account string) ([]platform.Service, error)
	// Environment returns the environment's own variables with it.
	Environment(ctx context.Context, id string) (platform.Environment, error)
	// Mounts are the volumes that a service has now.
	Mounts(ctx context.Context, service string) ([]platform.Mount, error)
	// UpdateService changes a service under the records' lock; change may return an error to leave it as it is.
	UpdateService(ctx context.Context, id string, change func(*platform.Service) error) (platform.Service, error)
	// CreateDeployment stores d as queued, with a new id, history and time. With this and the two below, the events, which
	// are of that deployment, are published in the same transaction: nothing happens untold.
	CreateDeployment(ctx context.Context, d platform.Deployment, events ...platform.Event) (platform.Deployment, error)
	Deployment(ctx context.Context, id string) (platform.Deployment, error)
	// WithImage lists a service's deployments that have an image, newest first.
	WithImage(ctx context.Context, service string) ([]platform.Deployment, error)
	// Unsettled lists the deployments that are not terminal, the live ones included, oldest first.
	Unsettled(ctx context.Context) ([]platform.Deployment, error)
	// Advance moves a deployment by compare-and-set from status from, applying set to the stored
	// record first; ErrConflict when it is no longer in from. The history entry is added here.
	Advance(ctx context.Context, id string, from platform.Status, move platform.Move, set func(*platform.Deployment), events ...platform.Event) (platform.Deployment, error)
	// Promote does two Advances and the service's Live pointer in one transaction: next becomes live, previous (may be "") retired.
	Promote(ctx context.Context, next, previous string, events ...platform.Event) (platform.Deployment, error)
	// DeleteService deletes a service with its whole history.
	DeleteService(ctx context.Context, id string) error
	// DropImage clears the image of a deployment that is no longer restorable.
	DropImage(ctx context.Context, id string) error
}

// Bus carries events. Publish blocks until the event is durable; readers resume from a position.
type Bus interface {
	Publish(ctx context.Context, e platform.Event) (platform.Event, error)
}
