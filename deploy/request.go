package deploy

import (
	"context"

	"csph/platform"
)

// Request asks for one deployment of a service. Exactly one of Source, Image and From is set.
type Request struct {
	Service string // id
	Trigger platform.Trigger

	Source Source // build this; closed when the deployment has settled, if it is an io.Closer
	Image  string // pull this reference
	// NoCache builds Source anew, whatever is cached, even where nothing has changed since the live version.
	NoCache bool
	// From carries over the image of this deployment (id); with the service's present Config, changed by Change.
	From string
	// Restore, with From, carries over that deployment's config and env as they were then (rollback), without Change,
	// but for the count, which stays as it is.
	Restore bool

	// Change edits the service's Config before it is frozen into the deployment; it is kept for later
	// deployments too once this one is accepted. May be nil.
	Change func(*platform.Config) error

	// Accept is called once, when the build has succeeded and before anything is started: the
	// trigger's last moment to refuse (git: the reference update). An error fails the deployment. May be nil.
	Accept func(ctx context.Context, d platform.Deployment) error
	// Created is called with the queued deployment as soon as it has its id. May be nil.
	Created func(d platform.Deployment)
}
