package builder

import (
	"context"

	"github.com/distribution/reference"

	"csph/buildpacks"
)

// Held returns, for a plan whose images cannot be had on this machine, the versions by language whose images can; nil
// where the plan can be followed. It blocks for some seconds at the most, and only where an image is neither here
// nor can be made here: then its registry is asked.
func (b *Builder) Held(ctx context.Context, plan buildpacks.Plan) map[string][]string {
	if b.bases.have(ctx, plan.BuildImage) && b.bases.have(ctx, plan.RunImage) {
		return nil
	}
	held := map[string][]string{}
	for _, r := range recipes() {
		if r.Language != "" {
			held[r.Language] = append(held[r.Language], r.Version)
		}
	}
	return held
}

// have reports whether a base image is here, can be made here, or has a registry that answers. A name that is none
// counts as had: whoever uses it says what is wrong with it.
func (s *Bases) have(ctx context.Context, name string) bool {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return true
	}
	name = reference.TagNameOnly(ref).String()
	if _, _, ok := findRecipe(name); ok {
		return true
	}
	held, err := s.pulledBefore(ctx, name)
	return err != nil || held || s.reachable(ctx, reference.Domain(ref))
}
