package builder

import (
	"context"
	"fmt"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"

	"csph/platform"
)

// Order is what a build hands to BuildKit: what is to be done, and how.
type Order struct {
	Definition *llb.Definition
	Options    client.SolveOpt
}

// Order returns what Build would hand to BuildKit for r, without a build. It blocks while base images are made ready.
// Measurements compare Build with the bare order; a plan with a Dockerfile has none, since it is the frontend that makes
// its definition.
func (b *Builder) Order(ctx context.Context, r Request) (Order, error) {
	if err := r.validate(); err != nil {
		return Order{}, err
	}
	if r.Plan.Dockerfile != "" {
		return Order{}, fmt.Errorf("%w: a Dockerfile has no definition of ours", platform.ErrInvalid)
	}
	log, err := b.logs.acquire(r.Deployment)
	if err != nil {
		return Order{}, err
	}
	defer log.Close()
	s, err := b.newSolve(r, log)
	if err != nil {
		return Order{}, err
	}
	if err := s.look(ctx); err != nil {
		return Order{}, err
	}
	def, err := s.order(ctx)
	return Order{Definition: def, Options: s.options}, err
}
