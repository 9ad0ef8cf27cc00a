package autoscale

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"csph/platform"
)

// roundTime bounds one look at all services.
const roundTime = 30 * time.Second

// Config says when a Scaler looks and what it waits for.
type Config struct {
	Every     time.Duration // between two looks; what use is averaged over
	DownAfter time.Duration // a count goes down once nothing in so long has asked for more
	Settle    time.Duration // what a spherelet uses in so long after its start does not count
	Logger    *slog.Logger
}

// Scaler keeps the counts of the services that want it in step with their CPU use.
type Scaler struct {
	Config
	fleet Fleet

	watched map[string]*watched // by service; Run's alone
}

// watched is what a Scaler remembers of a service.
type watched struct {
	past     []Advice
	readings map[string]reading // by spherelet
	limited  bool               // its people know that there is no room for more
}

// reading is how much CPU time a spherelet had used at a time.
type reading struct {
	at, started time.Time
	used        time.Duration
}

// New returns a scaler that does nothing before Run.
func New(c Config, fleet Fleet) *Scaler {
	return &Scaler{Config: c, fleet: fleet, watched: map[string]*watched{}}
}

// Run looks at the services again and again until ctx ends. Services that are not autoscaled cost nothing.
func (s *Scaler) Run(ctx context.Context) error {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.round(ctx); err != nil && ctx.Err() == nil {
				s.Logger.Warn("services are not autoscaled; trying again", "err", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// round looks at every service once.
func (s *Scaler) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	subjects, err := s.fleet.Subjects(ctx)
	if err != nil {
		return err
	}
	before := s.watched
	s.watched = make(map[string]*watched, len(subjects))
	for _, one := range subjects {
		w := before[one.Service]
		if w == nil {
			w = &watched{}
		}
		s.watched[one.Service] = w
		if err := s.tend(ctx, one, w); err != nil && ctx.Err() == nil {
			s.Logger.Warn("a service is not scaled; trying again", "service", one.Service, "err", err)
		}
	}
	return ctx.Err()
}

// tend looks at one service, and scales it where that is due.
func (s *Scaler) tend(ctx context.Context, one Subject, w *watched) error {
	now := time.Now()
	seen := Seen{Count: one.Count, Uses: s.read(one, w, now)}
	to, past := Decide(one.Policy, seen, now, s.DownAfter, w.past)
	w.past = past
	if to.Count == one.Count {
		w.limited = false
		return nil
	}
	out, err := s.fleet.Scale(ctx, one, to)
	if errors.Is(err, platform.ErrConflict) {
		return nil // the next look finds what it has become
	}
	if err != nil {
		return err
	}
	if out.Short != nil && !w.limited {
		s.fleet.Limited(ctx, one, to, out)
	}
	w.limited = out.Short != nil
	return nil
}

// read returns the use of each spherelet that was past its start at the look before, in percent of its shape's vCPU.
func (s *Scaler) read(one Subject, w *watched, now time.Time) []float64 {
	before := w.readings
	w.readings = make(map[string]reading, len(one.Ready))
	var uses []float64
	for _, sph := range one.Ready {
		if now.Sub(sph.Started) < s.Settle {
			continue
		}
		used, err := s.fleet.Used(sph.ID)
		if err != nil {
			continue // it has just ended
		}
		r := reading{at: now, started: sph.Started, used: used}
		w.readings[sph.ID] = r
		if use, ok := r.since(before[sph.ID], one.Shape); ok {
			uses = append(uses, use)
		}
	}
	return uses
}

// since is the use between two readings; false when they are not of the same process.
func (r reading) since(before reading, shape platform.Shape) (percent float64, ok bool) {
	if before.at.IsZero() || !r.started.Equal(before.started) || r.used < before.used || !r.at.After(before.at) {
		return 0, false
	}
	const perVCPU, whole = 1000, 100
	return (r.used - before.used).Seconds() / r.at.Sub(before.at).Seconds() * perVCPU / float64(shape.MilliCPU) * whole, true
}
