package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

// Window is the part of a log that a request wants. It is exported because huma looks for parameters in exported fields only.
type Window struct {
	Since       time.Time `query:"since" doc:"Only lines of this time (RFC 3339) or later"`
	Tail        int       `query:"tail" minimum:"0" maximum:"100000" doc:"Only the last lines of what is there; 0 for all"`
	Follow      bool      `query:"follow" doc:"Go on with what is written from now on"`
	LastEventID string    `header:"Last-Event-ID" doc:"Line to resume after; takes precedence over since and tail"`
}

type buildLog struct {
	DeploymentPath
	Window
	Progress bool `query:"progress" doc:"Lines of the stream progress, too: what has become of steps, for those who draw them"`
}

type serviceLogs struct {
	ServicePath
	Window
}

type deploymentLogs struct {
	DeploymentPath
	Window
}

func (s *Server) logOperations(api huma.API) {
	op := func(id, path, summary string) operation {
		return operation{id: id, method: http.MethodGet, path: path, summary: summary, tag: "logs",
			stream: streamResponse[wire.LogLine](api, wire.MessageLine)}
	}
	add(s, api, op("stream-service-logs", "/v1/services/{service}/logs", "Stream what a service's spherelets write, across deployments"), s.serviceLogs)
	add(s, api, op("stream-deployment-logs", "/v1/deployments/{deployment}/logs", "Stream what a deployment's spherelets write"), s.deploymentLogs)
	add(s, api, op("stream-build-log", "/v1/deployments/{deployment}/build-log", "Stream a deployment's build log; with follow until the build has ended"), s.buildLog)
}

func (s *Server) buildLog(ctx context.Context, in *buildLog) (*huma.StreamResponse, error) {
	d, err := s.deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	if d.Source.Kind == platform.FromDeployment {
		return nil, fmt.Errorf("%w: %s was not built: it carries over the image of %s, which may have a build log", platform.ErrNotFound, d.ID, d.Source.Deployment)
	}
	q.follow, q.progress = q.follow && !d.Status.Settled(), in.Progress
	return s.lines(d.Service, func(ctx context.Context) iter.Seq2[wire.LogLine, error] {
		return s.untilSettled(ctx, d.ID, func(ctx context.Context) iter.Seq2[wire.LogLine, error] { return s.logs.build(ctx, d.ID, q) })
	}, q), nil
}

func (s *Server) deploymentLogs(ctx context.Context, in *deploymentLogs) (*huma.StreamResponse, error) {
	d, err := s.deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return s.lines(d.Service, func(ctx context.Context) iter.Seq2[wire.LogLine, error] { return s.logs.output(ctx, d.ID, q) }, q), nil
}

func (s *Server) serviceLogs(ctx context.Context, in *serviceLogs) (*huma.StreamResponse, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	first, err := s.newest(ctx, svc)
	if err != nil {
		return nil, err
	}
	return s.lines(svc.ID, func(ctx context.Context) iter.Seq2[wire.LogLine, error] {
		return s.serviceOutput(ctx, svc.ID, first, q)
	}, q), nil
}

// newest is the id of the deployment whose output a service's log starts with: the live one, else the last.
func (s *Server) newest(ctx context.Context, svc platform.Service) (string, error) {
	if svc.Live != "" {
		return svc.Live, nil
	}
	last, err := s.Records.DeploymentPage(ctx, DeploymentQuery{Service: svc.ID, Limit: 1})
	if err != nil || len(last) == 0 {
		return "", err
	}
	return last[0].ID, nil
}

// logQuery is a Window, decoded. Of the lines of the time since, the first skip are left out.
type logQuery struct {
	since    time.Time
	skip     int
	tail     int
	follow   bool
	progress bool // of builds
}

func (w Window) query() (logQuery, error) {
	q := logQuery{since: w.Since, tail: w.Tail, follow: w.Follow}
	if w.LastEventID == "" {
		return q, nil
	}
	micros, n, ok := strings.Cut(w.LastEventID, "-")
	at, err := strconv.ParseInt(micros, 10, 64)
	skip, err2 := strconv.Atoi(n)
	if !ok || err != nil || err2 != nil || skip < 1 {
		return q, fmt.Errorf("%w: Last-Event-ID %q is no position in a log", platform.ErrInvalid, w.LastEventID)
	}
	q.since, q.skip, q.tail = time.UnixMicro(at), skip, 0
	return q, nil
}

// lines streams what open yields of a service, without its secrets, numbering the lines of one microsecond.
func (s *Server) lines(service string, open func(context.Context) iter.Seq2[wire.LogLine, error], q logQuery) *huma.StreamResponse {
	return s.stream(func(ctx context.Context) iter.Seq2[message, error] {
		return func(yield func(message, error) bool) {
			at, n := q.since.UnixMicro(), 0
			for l, err := range s.masked(ctx, service, open(ctx)) {
				if t := l.Time.UnixMicro(); t != at {
					at, n = t, 0
				}
				n++
				if err == nil && n <= q.skip && l.Time.Equal(q.since) {
					continue
				}
				if !yield(message{id: fmt.Sprintf("%d-%d", at, n), event: wire.MessageLine, data: l}, err) || err != nil {
					return
				}
			}
		}
	})
}
