package api

import (
	"context"
	"iter"
	"sync"
	"time"

	"csph/api/wire"
	"csph/platform"
)

// serviceLog follows what a service's spherelets write, from one deployment to the next.
type serviceLog struct {
	*funnel
	server *Server
	stops  map[string]context.CancelFunc // by deployment that is followed
	done   []string                      // deployments that have stopped, but may not have been read to their end
	newest string                        // ids sort by time
}

// serviceOutput yields what the spherelets of deployment first wrote ("" for none yet); with follow,
// then what they and those of later deployments write.
func (s *Server) serviceOutput(ctx context.Context, service, first string, q logQuery) iter.Seq2[wire.LogLine, error] {
	if !q.follow {
		return s.logs.output(ctx, first, q)
	}
	return func(yield func(wire.LogLine, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		l := &serviceLog{funnel: newFunnel(), server: s, stops: map[string]context.CancelFunc{}, newest: first}
		defer l.wg.Wait()
		defer cancel()
		if first != "" {
			l.follow(ctx, first, q)
		}
		if err := l.run(ctx, l.deployments(ctx, service), yield); err != nil && ctx.Err() == nil {
			yield(wire.LogLine{}, err)
		}
	}
}

// run passes lines on, and goes over to deployments as they start, until ctx ends.
func (l *serviceLog) run(ctx context.Context, events <-chan eventOrError, yield func(wire.LogLine, error) bool) error {
	for {
		select {
		case line := <-l.out:
			if line.err != nil || !yield(line.line, nil) {
				return line.err
			}
		case e := <-events:
			if e.err != nil {
				return e.err
			}
			l.take(ctx, e.event)
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *serviceLog) take(ctx context.Context, e platform.Event) {
	switch e.Kind {
	case platform.EventStarting:
		if e.Deployment > l.newest {
			l.newest = e.Deployment
			l.follow(ctx, e.Deployment, logQuery{follow: true})
		}
	case platform.EventRetired, platform.EventFailed:
		l.done = append(l.done, e.Deployment)
	}
}

// follow goes over to a deployment, and leaves those that had stopped by the time it was started.
func (l *serviceLog) follow(ctx context.Context, deployment string, q logQuery) {
	for _, id := range l.done {
		if stop := l.stops[id]; stop != nil {
			stop()
			delete(l.stops, id)
		}
	}
	l.done = nil
	ctx, stop := context.WithCancel(ctx)
	l.stops[deployment] = stop
	l.pour(ctx, l.server.logs.output(ctx, deployment, q))
}

type eventOrError struct {
	event platform.Event
	err   error
}

// deployments passes on the events of a service.
func (l *serviceLog) deployments(ctx context.Context, service string) <-chan eventOrError {
	out := make(chan eventOrError)
	l.wg.Go(func() {
		for e, err := range l.server.Events.Events(ctx, EventQuery{Service: service, Live: true}) {
			select {
			case out <- eventOrError{e, err}:
			case <-ctx.Done():
				return
			}
		}
	})
	return out
}

// abandoned is how long a build log is still read once its deployment has settled. A log that was
// ended has been read long before; one that a killed server left open ends here.
const abandoned = 2 * time.Second

// untilSettled yields what open yields, until the deployment has settled.
func (s *Server) untilSettled(ctx context.Context, deployment string, open func(context.Context) iter.Seq2[wire.LogLine, error]) iter.Seq2[wire.LogLine, error] {
	return func(yield func(wire.LogLine, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() { s.waitSettled(ctx, deployment, cancel) })
		for line, err := range open(ctx) {
			if !yield(line, err) {
				return
			}
		}
	}
}

// waitSettled calls then a while after the deployment has settled.
func (s *Server) waitSettled(ctx context.Context, deployment string, then func()) {
	for e, err := range s.Events.Events(ctx, EventQuery{Deployment: deployment, Live: true}) {
		if err != nil {
			return
		}
		if e.Settles() {
			break
		}
	}
	select {
	case <-time.After(abandoned):
		then()
	case <-ctx.Done():
	}
}
