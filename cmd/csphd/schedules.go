package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"csph/deploy"
	"csph/logs"
	"csph/platform"
	"csph/schedule"
	"csph/store"
)

const (
	// longestRun is how long a scheduled command may run; it is killed then.
	longestRun = 24 * time.Hour
	keepRuns   = 100 // of one schedule, with their logs
	runLogMax  = 8 << 20
)

// planned does what schedules say.
type planned struct {
	db       *store.DB
	deployer recorded
	origins  origins
	state    string
	tell     func(platform.Event, error) // of what has become of a run
}

// Carry implements schedule.Actions.
func (p planned) Carry(ctx context.Context, t platform.Timer, r platform.Run, began func(platform.Run)) (platform.Run, error) {
	svc, err := p.db.Service(ctx, t.Service)
	if err != nil {
		return r, err
	}
	if svc.Suspended {
		r.Status, r.Message = platform.RunSkipped, "the service is suspended"
		return r, nil
	}
	if t.Deploy {
		return p.deploy(ctx, svc, t, r, began)
	}
	return p.command(ctx, t, r)
}

// deploy makes a deployment of the connected repository or, where there is none, of what is live.
func (p planned) deploy(ctx context.Context, svc platform.Service, t platform.Timer, r platform.Run, began func(platform.Run)) (platform.Run, error) {
	request := deploy.Request{Service: svc.ID, From: svc.Live, Trigger: platform.Trigger{Kind: platform.TriggerSchedule, Actor: t.ID}}
	_, err := p.db.Repository(ctx, svc.ID)
	switch {
	case err == nil:
		request.From = ""
		if request.Source, err = p.origins.Source(ctx, svc.ID, "", ""); err != nil {
			return r, err
		}
	case !errors.Is(err, platform.ErrNotFound):
		return r, err
	case svc.Live == "":
		return r, fmt.Errorf("%w: there is nothing to deploy: nothing is live, and no repository is connected", platform.ErrConflict)
	}
	d, err := p.deployer.Start(ctx, request)
	if err != nil {
		return r, err
	}
	r.Deployment = d.ID
	began(r)
	return p.Await(ctx, r)
}

// Await implements schedule.Actions.
func (p planned) Await(ctx context.Context, r platform.Run) (platform.Run, error) {
	d, err := p.deployer.Wait(ctx, r.Deployment)
	if err != nil {
		return r, err
	}
	r.Status, r.Message = platform.RunSucceeded, string(d.Status)
	if d.Message != "" {
		r.Message += ": " + d.Message
	}
	if d.Status != platform.Live && d.Status != platform.Retired {
		r.Status = platform.RunFailed
	}
	return r, nil
}

// command runs a command in a spherelet of its own.
func (p planned) command(ctx context.Context, t platform.Timer, r platform.Run) (platform.Run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, longestRun, fmt.Errorf("it was killed after %s", longestRun))
	defer cancel()
	log, err := logs.Create(p.runLog(r.ID), logs.Options{MaxBytes: runLogMax})
	if err != nil {
		return r, err
	}
	exit, err := p.deployer.RunOnce(ctx, t.Service, t.Command, runLog{log})
	if ended := log.End(); ended != nil {
		err = errors.Join(err, fmt.Errorf("end the log: %w", ended))
	}
	if err != nil {
		return r, err
	}
	r.Exit, r.Status = &exit, platform.RunSucceeded
	if exit != 0 {
		r.Status, r.Message = platform.RunFailed, "csph logs --run "+r.ID+" shows what it has written"
	}
	return r, nil
}

func (p planned) runLog(run string) string {
	return filepath.Join(p.state, "logs", "runs", run+".log")
}

// runLog is the log of a run as what a command prints to. A full disk ends no command.
type runLog struct{ *logs.Writer }

func (l runLog) Step(text string) { _ = l.Append(logs.Step, text) }
func (l runLog) Line(text string) { _ = l.Append(logs.Out, text) }

// Over implements schedule.Actions: it tells the event log, and drops what is old.
func (p planned) Over(ctx context.Context, r platform.Run) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	message := fmt.Sprintf("run %s of schedule %s, planned for %s: %s", r.ID, r.Schedule, r.Planned.UTC().Format(time.RFC3339), r.Status)
	if r.Missed > 1 {
		message += fmt.Sprintf(" with %d more", r.Missed-1)
	}
	if r.Message != "" {
		message += ": " + r.Message
	}
	err := p.trim(ctx, r)
	p.tell(platform.Event{Service: r.Service, Deployment: r.Deployment, Kind: platform.EventSchedule, Status: string(r.Status), Message: message}, err)
}

// trim drops old runs of a run's schedule, and the run itself where its schedule was removed meanwhile.
func (p planned) trim(ctx context.Context, r platform.Run) error {
	old, err := p.db.TrimRuns(ctx, r.Schedule, keepRuns)
	if _, missing := p.db.Run(ctx, r.ID); errors.Is(missing, platform.ErrNotFound) {
		old = append(old, r.ID)
	}
	return errors.Join(err, p.forgetRuns(old))
}

// forgetRuns deletes the logs of runs.
func (p planned) forgetRuns(runs []string) error {
	var errs []error
	for _, id := range runs {
		errs = append(errs, os.RemoveAll(p.runLog(id)))
	}
	return errors.Join(errs...)
}

func (s *server) makeKeeperOfTime() {
	s.schedules = schedule.NewKeeper(s.db, planned{s.db, s.recorded(), origins{s.db, s.git}, s.config.State, s.tell}, s.logger)
}

// tell publishes an event; err is what went wrong beside it, for the log.
func (s *server) tell(e platform.Event, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	_, lost := s.db.Publish(ctx, e)
	if err = errors.Join(err, lost); err != nil {
		s.logger.Warn("what was done by the clock left something behind", "service", e.Service, "event", e.Message, "err", err)
	}
}

// Plan implements api.Schedules.
func (s *server) Plan(t platform.Timer) (platform.Timer, error) {
	timing, err := schedule.Parse(t.Cron, t.Zone)
	if err == nil {
		t.Next = timing.Next(time.Now())
	}
	return t, err
}

// Planned implements api.Schedules.
func (s *server) Planned() { s.schedules.Wake() }

// Remove implements api.Schedules. The log of a run that goes on goes when that has ended.
func (s *server) Remove(ctx context.Context, t platform.Timer) error {
	p := planned{db: s.db, state: s.config.State}
	old, err := s.db.TrimRuns(ctx, t.ID, 0)
	return errors.Join(err, p.forgetRuns(old), s.db.DeleteTimer(ctx, t.ID))
}

// RunNow implements api.Schedules.
func (s *server) RunNow(ctx context.Context, t platform.Timer) (platform.Run, error) {
	return s.schedules.Now(ctx, t)
}
