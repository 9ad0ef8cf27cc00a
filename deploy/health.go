package deploy

import (
	"context"
	"fmt"
	"time"

	"csph/platform"
)

// pulse turns the answers to a health check into what is to be done. It belongs to one goroutine.
type pulse struct {
	platform.Health
	failing time.Time // since when, without a success between; zero: not
	passing time.Time
	away    bool // out of the router
}

// verdict is what an answer calls for.
type verdict int

const (
	carryOn verdict = iota
	disconnect
	reconnect
	restart
)

// beat takes in an answer.
func (p *pulse) beat(now time.Time, ok bool) verdict {
	if ok {
		return p.pass(now)
	}
	p.passing = time.Time{}
	if p.failing.IsZero() {
		p.failing = now
	}
	switch since := now.Sub(p.failing); {
	case since >= p.Failure:
		return restart
	case since >= p.Disconnect && !p.away:
		p.away = true
		return disconnect
	}
	return carryOn
}

func (p *pulse) pass(now time.Time) verdict {
	p.failing = time.Time{}
	if p.passing.IsZero() {
		p.passing = now
	}
	if p.away && now.Sub(p.passing) >= p.Recovery {
		p.away = false
		return reconnect
	}
	return carryOn
}

// attend begins the health checks of the spherelets that are ready; those that become ready later get theirs then.
// restart ends the process of one, which is then started again.
func (v *vigil) attend(check *platform.Health, restart func(ctx context.Context, s platform.Spherelet) error) {
	if check == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	health := check.WithDefaults()
	v.health, v.restart = &health, restart
	for _, p := range v.posts {
		if p.ready {
			v.examine(p)
		}
	}
}

// dismiss ends the health checks: the version is about to go.
func (v *vigil) dismiss() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.health == nil {
		return
	}
	v.health = nil
	for _, p := range v.posts {
		if p.ready {
			p.quit()
		}
	}
}

// examine asks a spherelet again and again whether it is well, until it stops running. v.mu is held.
func (v *vigil) examine(p *post) {
	if v.health == nil {
		return
	}
	ctx, quit := context.WithCancel(v.ctx)
	p.quit = quit
	s, beats := p.Spherelet, pulse{Health: *v.health}
	v.wg.Go(func() {
		defer quit()
		tick := time.NewTicker(beats.Period)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			err := v.prober.Try(ctx, s, beats.Check)
			if ctx.Err() != nil || v.act(s, beats.beat(time.Now(), err == nil), err) {
				return
			}
		}
	})
}

// act does what a verdict calls for; done says that the spherelet's process has been ended.
func (v *vigil) act(s platform.Spherelet, call verdict, err error) (done bool) {
	switch call {
	case disconnect:
		v.setAway(s, true)
		v.notify(vigilNote{platform.EventDisconnected, fmt.Sprintf("%s gets no requests until it is healthy again: %v", s.ID, err), s})
	case reconnect:
		v.setAway(s, false)
		v.notify(vigilNote{platform.EventReconnected, s.ID + " is healthy again and gets requests", s})
	case restart:
		v.setAway(s, true)
		v.notify(vigilNote{platform.EventRestarting, fmt.Sprintf("%s is restarted: its health check has failed for %s: %v", s.ID, v.patience(), err), s})
		if err := v.restart(v.ctx, s); err != nil && v.ctx.Err() == nil {
			v.notify(vigilNote{platform.EventUnhealthy, fmt.Sprintf("%s could not be restarted: %v", s.ID, err), s})
			return false
		}
		return true
	}
	return false
}

func (v *vigil) patience() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.health == nil {
		return 0
	}
	return v.health.Failure
}

// setAway takes a spherelet out of the traffic, or back in, if it still is the process that was asked.
func (v *vigil) setAway(s platform.Spherelet, away bool) {
	v.mu.Lock()
	if p := v.posts[s.ID]; p != nil && p.Started.Equal(s.Started) {
		p.away = away
	}
	v.mu.Unlock()
	v.touch()
}

// restartWithin is how a vigil restarts a spherelet of dep.
func (d *Deployer) restartWithin(dep platform.Deployment) func(context.Context, platform.Spherelet) error {
	grace := orDefault(dep.Config.Grace, defaultGrace)
	return func(ctx context.Context, s platform.Spherelet) error {
		ctx, cancel := context.WithTimeout(ctx, grace+time.Minute)
		defer cancel()
		return d.Engine.Restart(ctx, s.ID, grace)
	}
}
