package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"csph/api/wire"
	"csph/platform"
)

// Schedules lists a service's schedules.
func (c *Client) Schedules(ctx context.Context, service string) ([]platform.Timer, error) {
	return all[platform.Timer](ctx, c, pathOf("/v1/services/{}/schedules", service), nil)
}

// AddSchedule adds a schedule to a service.
func (c *Client) AddSchedule(ctx context.Context, service string, n wire.NewSchedule) (platform.Timer, error) {
	return ask[platform.Timer](ctx, c, http.MethodPost, pathOf("/v1/services/{}/schedules", service), n)
}

// RemoveSchedule removes a schedule with its runs.
func (c *Client) RemoveSchedule(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/schedules/{}", id), nil, nil)
}

// RunSchedule begins a run of a schedule now.
func (c *Client) RunSchedule(ctx context.Context, id string) (platform.Run, error) {
	return ask[platform.Run](ctx, c, http.MethodPost, pathOf("/v1/schedules/{}/run", id), nil)
}

// Runs lists the runs of a service's schedules, the newest first; of one schedule, or ("") of all. At most limit; 0: all.
func (c *Client) Runs(ctx context.Context, service, schedule string, limit int) ([]platform.Run, error) {
	q := url.Values{}
	put(q, "schedule", schedule)
	return atMost[platform.Run](ctx, c, pathOf("/v1/services/{}/runs", service), q, limit)
}

// Run returns a run.
func (c *Client) Run(ctx context.Context, id string) (platform.Run, error) {
	return ask[platform.Run](ctx, c, http.MethodGet, pathOf("/v1/runs/{}", id), nil)
}

// RunLog yields what a run has written; with Follow until it has ended.
func (c *Client) RunLog(ctx context.Context, run string, q LogQuery) iter.Seq2[wire.LogLine, error] {
	return follow[wire.LogLine](ctx, c, pathOf("/v1/runs/{}/logs", run)+"?"+q.encode(), wire.MessageLine)
}
