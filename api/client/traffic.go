package client

import (
	"context"
	"iter"
	"net/http"

	"csph/api/wire"
)

// Traffic returns what the router has counted so far.
func (c *Client) Traffic(ctx context.Context) (wire.Traffic, error) {
	return ask[wire.Traffic](ctx, c, http.MethodGet, "/v1/traffic", nil)
}

// AccessLog yields the requests of a service, a JSON object a line.
func (c *Client) AccessLog(ctx context.Context, service string, q LogQuery) iter.Seq2[wire.LogLine, error] {
	return follow[wire.LogLine](ctx, c, pathOf("/v1/services/{}/access-log", service)+"?"+q.encode(), wire.MessageLine)
}
