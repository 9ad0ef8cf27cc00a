package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Provenance is how the image of a deployment was made: an in-toto statement with SLSA provenance v1.
func (c *Client) Provenance(ctx context.Context, deployment string) (json.RawMessage, error) {
	return ask[json.RawMessage](ctx, c, http.MethodGet, pathOf("/v1/deployments/{}/provenance", deployment), nil)
}
