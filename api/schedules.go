package api

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/logs"
	"csph/platform"
)

// Timers keeps schedules and their runs.
type Timers interface {
	CreateTimer(ctx context.Context, t platform.Timer) (platform.Timer, error)
	Timer(ctx context.Context, id string) (platform.Timer, error)
	Timers(ctx context.Context, service string) ([]platform.Timer, error)
	Run(ctx context.Context, id string) (platform.Run, error)
	// Runs lists the newest first; of one schedule, or ("") of all, and only those before a run, unless that is "".
	Runs(ctx context.Context, service, schedule, before string, limit int) ([]platform.Run, error)
}

// Schedules keeps the time.
type Schedules interface {
	// Plan fills in what a schedule leaves out and its next planned time; platform.ErrInvalid when it is none.
	Plan(t platform.Timer) (platform.Timer, error)
	// Planned tells it of a schedule that was just recorded.
	Planned()
	// Remove forgets a schedule, its runs and what they have written.
	Remove(ctx context.Context, t platform.Timer) error
	// RunNow begins a run that is not planned and returns at once; platform.ErrConflict while another one goes on.
	RunNow(ctx context.Context, t platform.Timer) (platform.Run, error)
}

// SchedulePath is a request about one schedule; exported for the same reason as ServicePath.
type SchedulePath struct {
	Schedule string `path:"schedule" doc:"id"`
}

// RunPath is a request about one run; exported for the same reason as ServicePath.
type RunPath struct {
	Run string `path:"run" doc:"id"`
}

type addSchedule struct {
	ServicePath
	Body wire.NewSchedule
}

type listRuns struct {
	ServicePath
	Page
	Schedule string `query:"schedule" doc:"Only those of this schedule"`
}

type runLog struct {
	RunPath
	Window
}

func (s *Server) scheduleOperations(api huma.API) {
	op := operationsOf("schedules")
	made := op("add-schedule", http.MethodPost, "/v1/services/{service}/schedules", "Add a schedule to a service").answering(http.StatusCreated)
	now := op("run-schedule", http.MethodPost, "/v1/schedules/{schedule}/run", "Begin a run of a schedule now").answering(http.StatusAccepted)
	log := op("stream-run-log", http.MethodGet, "/v1/runs/{run}/logs", "Stream what a run has written; with follow until it has ended")
	log.stream = streamResponse[wire.LogLine](api, wire.MessageLine)
	add(s, api, op("list-schedules", http.MethodGet, "/v1/services/{service}/schedules", "List a service's schedules"), s.listSchedules)
	add(s, api, made, s.addSchedule)
	add(s, api, op("remove-schedule", http.MethodDelete, "/v1/schedules/{schedule}", "Remove a schedule with its runs; one that goes on is seen to its end"), s.removeSchedule)
	add(s, api, now, s.runSchedule)
	add(s, api, op("list-runs", http.MethodGet, "/v1/services/{service}/runs", "List the runs of a service's schedules: those that went on, and those that were skipped or missed"), s.listRuns)
	add(s, api, op("get-run", http.MethodGet, "/v1/runs/{run}", "Get a run"), s.getRun)
	add(s, api, log, s.runLog)
}

func (s *Server) listSchedules(ctx context.Context, in *listOfService) (*listed[platform.Timer], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Timers(ctx, svc.ID)
	return short(ctx, in.Page, all, func(t platform.Timer) string { return t.ID }, err)
}

func (s *Server) addSchedule(ctx context.Context, in *addSchedule) (*body[platform.Timer], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	n := in.Body
	if n.Deploy && len(n.Command) > 0 {
		return nil, fmt.Errorf("%w: a schedule makes a deployment or runs a command; make two for both", platform.ErrInvalid)
	}
	if !n.Deploy && len(n.Command) == 0 && svc.Type != platform.Cron {
		return nil, fmt.Errorf("%w: say what is to be done: a command, or deploy; only cron services have a start command that ends", platform.ErrInvalid)
	}
	t, err := s.Schedules.Plan(platform.Timer{
		Service: svc.ID, Cron: n.Cron, Zone: cmp.Or(n.Zone, "UTC"), Deploy: n.Deploy, Command: n.Command,
		Overlap: platform.Overlap(cmp.Or(n.Overlap, string(platform.OverlapSkip))), By: caller(ctx).MemberName,
	})
	if err != nil {
		return nil, err
	}
	if t, err = s.Records.CreateTimer(ctx, t); err == nil {
		s.Schedules.Planned()
	}
	return answer(t, err)
}

// schedule returns a schedule of a service that the caller sees.
func (s *Server) schedule(ctx context.Context, id string) (platform.Timer, error) {
	t, err := s.Records.Timer(ctx, id)
	if err != nil {
		return t, err
	}
	if _, err := s.service(ctx, t.Service); err != nil {
		return platform.Timer{}, hidden("schedule", id)
	}
	return t, nil
}

func (s *Server) removeSchedule(ctx context.Context, in *SchedulePath) (*none, error) {
	t, err := s.schedule(ctx, in.Schedule)
	if err != nil {
		return nil, err
	}
	return nil, s.Schedules.Remove(ctx, t)
}

func (s *Server) runSchedule(ctx context.Context, in *SchedulePath) (*body[platform.Run], error) {
	t, err := s.schedule(ctx, in.Schedule)
	if err != nil {
		return nil, err
	}
	return answer(s.Schedules.RunNow(ctx, t))
}

func (s *Server) listRuns(ctx context.Context, in *listRuns) (*listed[platform.Run], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	before, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Runs(ctx, svc.ID, in.Schedule, before, in.Limit+1)
	return paged(ctx, in.Page, all, func(r platform.Run) string { return r.ID }, err)
}

// run returns a run of a service that the caller sees.
func (s *Server) run(ctx context.Context, id string) (platform.Run, error) {
	r, err := s.Records.Run(ctx, id)
	if err != nil {
		return r, err
	}
	if _, err := s.service(ctx, r.Service); err != nil {
		return platform.Run{}, hidden("run", id)
	}
	return r, nil
}

func (s *Server) getRun(ctx context.Context, in *RunPath) (*body[platform.Run], error) {
	return answer(s.run(ctx, in.Run))
}

func (s *Server) runLog(ctx context.Context, in *runLog) (*huma.StreamResponse, error) {
	r, err := s.run(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	if r.Deployment != "" {
		return nil, fmt.Errorf("%w: %s made deployment %s, which has a log of its own: csph logs --deployment %s", platform.ErrNotFound, r.ID, r.Deployment, r.Deployment)
	}
	q.follow = q.follow && !r.Status.Over()
	return s.lines(r.Service, func(ctx context.Context) iter.Seq2[wire.LogLine, error] { return s.logs.run(ctx, r.ID, q) }, q), nil
}

// run yields what a run of a schedule has written.
func (f logFiles) run(ctx context.Context, run string, q logQuery) iter.Seq2[wire.LogLine, error] {
	path, query := filepath.Join(f.dir, "runs", run+logSuffix), logs.Query{Tail: q.tail, Since: q.since}
	return func(yield func(wire.LogLine, error) bool) {
		for l, err := range followOrRead(ctx, path, query, q.follow) {
			if !yield(lineOf(l, "", ""), err) || err != nil {
				return
			}
		}
	}
}
