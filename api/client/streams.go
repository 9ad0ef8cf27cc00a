package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"

	"csph/api/wire"
	"csph/logs"
	"csph/platform"
	"csph/transcript"
)

// EventQuery selects events. Zero fields do not restrict.
type EventQuery struct {
	Service    string
	Deployment string
	After      int64 // only events after this position
	Follow     bool  // go on with what happens from now on
}

// Events yields events in order, each once. An error is yielded once, and last.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[platform.Event, error] {
	v := url.Values{}
	put(v, "service", q.Service)
	put(v, "deployment", q.Deployment)
	if q.After > 0 {
		v.Set("after", strconv.FormatInt(q.After, 10))
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	return follow[platform.Event](ctx, c, "/v1/events?"+v.Encode(), wire.MessageEvent)
}

// LogQuery selects lines of a log.
type LogQuery struct {
	Since  time.Time // zero: from the start
	Tail   int       // only the last Tail of what is there; 0: all
	Follow bool      // go on with what is written from now on
	// Progress asks a build log for lines of the stream progress, too.
	Progress bool
}

func (q LogQuery) encode() string {
	v := url.Values{}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Tail > 0 {
		v.Set("tail", strconv.Itoa(q.Tail))
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	if q.Progress {
		v.Set("progress", "true")
	}
	return v.Encode()
}

func put(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

// BuildLog yields a deployment's build log; with Follow until the build has ended.
func (c *Client) BuildLog(ctx context.Context, deployment string, q LogQuery) iter.Seq2[wire.LogLine, error] {
	return follow[wire.LogLine](ctx, c, pathOf("/v1/deployments/{}/build-log", deployment)+"?"+q.encode(), wire.MessageLine)
}

// DeploymentLogs yields what a deployment's spherelets write.
func (c *Client) DeploymentLogs(ctx context.Context, deployment string, q LogQuery) iter.Seq2[wire.LogLine, error] {
	return follow[wire.LogLine](ctx, c, pathOf("/v1/deployments/{}/logs", deployment)+"?"+q.encode(), wire.MessageLine)
}

// ServiceLogs yields what a service's spherelets write, across deployments.
func (c *Client) ServiceLogs(ctx context.Context, service string, q LogQuery) iter.Seq2[wire.LogLine, error] {
	return follow[wire.LogLine](ctx, c, pathOf("/v1/services/{}/logs", service)+"?"+q.encode(), wire.MessageLine)
}

// Story is the client as the source of transcripts.
func (c *Client) Story() transcript.Source { return story{c, false} }

// DrawnStory is Story for a Format with a Screen: it tells what becomes of the steps of a build, too.
func (c *Client) DrawnStory() transcript.Source { return story{c, true} }

type story struct {
	*Client
	progress bool
}

func (s story) DeploymentEvents(ctx context.Context, id string, after int64) iter.Seq2[platform.Event, error] {
	return s.Events(ctx, EventQuery{Deployment: id, After: after, Follow: true})
}

func (s story) BuildLog(ctx context.Context, id string) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) {
		for l, err := range s.Client.BuildLog(ctx, id, LogQuery{Follow: true, Progress: s.progress}) {
			if !yield(wire.FileLine(l), err) {
				return
			}
		}
	}
}
