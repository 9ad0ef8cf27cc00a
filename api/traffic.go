package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/logs"
	"csph/platform"
)

// Traffic is what the router counts.
type Traffic interface {
	// Counts returns the counts of a service; false when it has no route.
	Counts(service string) (wire.ServiceTraffic, bool)
	// Bounds returns the upper bounds of the latency buckets but the last, and since when it counts.
	Bounds() (bounds []time.Duration, since time.Time)
}

func (s *Server) trafficOperations(api huma.API) {
	add(s, api, operation{
		id: "get-traffic", method: http.MethodGet, path: "/v1/traffic", tag: "services",
		summary: "What the router has counted of the services that have a route, and what the spherelets of all use",
	}, s.traffic)
	add(s, api, operation{
		id: "stream-access-log", method: http.MethodGet, path: "/v1/services/{service}/access-log", tag: "logs",
		summary: "Stream a service's access log, a JSON object a line", stream: streamResponse[wire.LogLine](api, wire.MessageLine),
	}, s.accessLog)
}

func (s *Server) traffic(ctx context.Context, _ *none) (*body[wire.Traffic], error) {
	c := caller(ctx)
	services, err := s.Records.ServicePage(ctx, ServiceQuery{Account: c.Account, Projects: c.Projects})
	if err != nil {
		return nil, err
	}
	projects, err := s.projectNames(ctx)
	if err != nil {
		return nil, err
	}
	bounds, since := s.Traffic.Bounds()
	out := wire.Traffic{Time: time.Now().UTC(), Started: since.UTC(), Services: []wire.ServiceTraffic{}}
	for _, b := range bounds {
		out.Bounds = append(out.Bounds, b.Seconds())
	}
	live, err := s.Records.LiveOf(ctx, services)
	if err != nil {
		return nil, err
	}
	for _, svc := range services {
		t, ok := s.Traffic.Counts(svc.ID)
		if !ok {
			t.Latency = []uint64{} // nothing leads to it: it is a worker
		}
		if t.Use = s.use(live[svc.ID]); ok || t.Use != nil {
			t.Service, t.Name, t.Environment, t.Project = svc.ID, svc.Name, svc.EnvName, projects[svc.Project]
			out.Services = append(out.Services, t)
		}
	}
	return answer(out, nil)
}

// use adds up what the spherelets of a deployment use; nil where none runs.
func (s *Server) use(live platform.Deployment) *wire.ServiceUse {
	shape, err := platform.ShapeNamed(live.Config.Shape)
	if live.ID == "" || err != nil {
		return nil
	}
	var sum wire.ServiceUse
	for _, one := range s.Runtime.Spherelets(live.ID) {
		u, err := s.Runtime.Use(one.ID)
		if err != nil {
			continue // it does not run yet, or no more
		}
		sum.Spherelets++
		sum.CPU += u.CPU.Seconds()
		sum.MilliCPU += shape.MilliCPU
		sum.Memory += u.Memory
		sum.MemoryLimit += u.MemoryLimit
	}
	if sum.Spherelets == 0 {
		return nil
	}
	return &sum
}

func (s *Server) accessLog(ctx context.Context, in *serviceLogs) (*huma.StreamResponse, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return s.lines(svc.ID, func(ctx context.Context) iter.Seq2[wire.LogLine, error] { return s.logs.access(ctx, svc.ID, q) }, q), nil
}

// access yields the lines of a service's access log. One that is not there is an empty one: nobody has
// asked for the service yet, or it has none by configuration.
func (f logFiles) access(ctx context.Context, service string, q logQuery) iter.Seq2[wire.LogLine, error] {
	path, query := filepath.Join(f.dir, "access", service+logSuffix), logs.Query{Tail: q.tail, Since: q.since}
	return func(yield func(wire.LogLine, error) bool) {
		lines := logs.Follow(ctx, path, query)
		if !q.follow {
			lines = read(path, query)
		}
		for l, err := range lines {
			if errors.Is(err, fs.ErrNotExist) {
				return
			}
			if err != nil {
				err = fmt.Errorf("read the access log: %w", err)
			}
			if !yield(lineOf(l, "", ""), err) || err != nil {
				return
			}
		}
	}
}

// read yields the lines that a log has now.
func read(path string, q logs.Query) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) {
		lines, err := logs.Read(path, q)
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
		if err != nil {
			yield(logs.Line{}, err)
		}
	}
}

// operated lets callers through that look after the server. A browser may give the token as a password.
func (s *Server) operated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, token, ok := r.BasicAuth(); ok {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		c, err := s.authenticate(r)
		if err == nil {
			err = mayWatch(c)
		}
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Basic realm="csphd: any name, and a token as the password", charset="UTF-8"`)
			s.refuse(w, r, err)
			return
		}
		requestOf(r.Context()).identify(c)
		next.ServeHTTP(w, r)
	})
}

// mayWatch asks of a caller what MayOperate does, but that it may be one who can only read.
func mayWatch(c platform.Caller) error {
	c.ReadOnly = false
	return c.Check(platform.MayOperate)
}
