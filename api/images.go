package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/platform"
)

// Images knows the images that deployments run.
type Images interface {
	// Provenance is how an image was made: an in-toto statement with SLSA provenance. The error is
	// platform.ErrNotFound for an image that has none.
	Provenance(ctx context.Context, image platform.Image) (json.RawMessage, error)
}

func (s *Server) imageOperations(api huma.API) {
	add(s, api, operation{
		id: "get-provenance", method: http.MethodGet, path: "/v1/deployments/{deployment}/provenance", tag: "deployments",
		summary: "Get how a deployment's image was made: an in-toto statement with SLSA provenance v1",
	}, s.provenance)
}

func (s *Server) provenance(ctx context.Context, in *DeploymentPath) (*body[map[string]any], error) {
	d, err := s.deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	if d.Image.Digest == "" {
		return nil, fmt.Errorf("%w: %s has no image: it was not built, or only the ten most recent are kept", platform.ErrNotFound, d.ID)
	}
	raw, err := s.Images.Provenance(ctx, d.Image)
	if err != nil {
		return nil, err
	}
	var statement map[string]any
	if err := json.Unmarshal(raw, &statement); err != nil {
		return nil, fmt.Errorf("decode the provenance of %s: %w", d.ID, err)
	}
	return answer(statement, nil)
}
