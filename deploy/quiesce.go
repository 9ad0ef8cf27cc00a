package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errStopping refuses what can no longer be carried through.
var errStopping = errors.New("csphd is stopping; try again in a moment")

// Quiesce blocks until no deployment is under way, and from that very moment takes no new ones: Deploy
// and Start fail. When ctx ends first, everything goes on as before and the error names what is under way.
// Drains of replaced spherelets are not waited for; whoever resumes takes them up.
func (d *Deployer) Quiesce(ctx context.Context) error {
	for {
		settled, names := d.closeIfIdle()
		if settled == nil {
			return nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return fmt.Errorf("deployments are still under way (%s): %w", strings.Join(names, ", "), context.Cause(ctx))
		}
	}
}

// closeIfIdle takes no new deployments from now on if none is under way. Otherwise it returns which are, and a
// channel that is closed when one of them has settled.
func (d *Deployer) closeIfIdle() (settled <-chan struct{}, names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.attempts) == 0 && d.entering == 0 {
		d.closed = true
		return nil, nil
	}
	for id, a := range d.attempts {
		names = append(names, a.service.Name+" "+id)
	}
	slices.Sort(names)
	return d.settled, names
}

// enter counts a deployment that is about to be recorded; left must be called once it is under way or
// has failed.
func (d *Deployer) enter() (left func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.ctx.Err() != nil {
		return nil, errStopping
	}
	d.entering++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.entering--
		d.tellSettled()
	}, nil
}

// tellSettled wakes Quiesce. d.mu is held.
func (d *Deployer) tellSettled() {
	close(d.settled)
	d.settled = make(chan struct{})
}
