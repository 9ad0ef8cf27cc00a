package deploy

import (
	"context"
	"errors"
	"fmt"

	"csph/platform"
)

// carry takes an attempt from queued to settled. It is the straight line of a deployment.
func (d *Deployer) carry(a *attempt) {
	defer d.leave(a)
	dep, err := d.awaitTurn(a)
	if err == nil && dep.Image.Digest == "" { // one that a restart interrupted past its build has its image
		if dep, err = d.obtain(a, dep); err == nil {
			dep, err = d.accept(a, dep)
		}
	}
	if err == nil {
		err = d.release(dep, a.service)
	}
	a.endLog()
	if err == nil {
		dep, err = d.rollOut(dep, a.service)
	}
	a.last = dep
	if err != nil {
		a.last = d.giveIn(a, dep, err)
	}
}

// awaitTurn waits for the attempt's turn.
func (d *Deployer) awaitTurn(a *attempt) (platform.Deployment, error) {
	select {
	case <-a.turn:
		return a.queued, nil
	case <-a.ctx.Done():
		return a.queued, context.Cause(a.ctx)
	}
}

// accept is the end of the build: the trigger says yes, the record gets its image, and nothing but the
// server's own end stops the deployment from here on.
func (d *Deployer) accept(a *attempt, dep platform.Deployment) (platform.Deployment, error) {
	if err := a.seal(); err != nil {
		return dep, err
	}
	if a.request.Accept != nil {
		if err := a.request.Accept(d.ctx, dep); err != nil {
			return dep, &platform.Failure{Reason: platform.Internal, Message: "the push was not accepted: " + err.Error(), Hint: "Fetch, merge and push again.", Err: err}
		}
	}
	image := dep.Image
	return d.advance(dep, platform.StartRollout, func(r *platform.Deployment) { r.Image = image })
}

// giveIn records why a deployment did not become live.
func (d *Deployer) giveIn(a *attempt, dep platform.Deployment, err error) platform.Deployment {
	move, kind := platform.Fail, platform.EventFailed
	switch {
	case d.ctx.Err() != nil:
		return dep // the server stops: Resume takes it up
	case errors.Is(err, errCanceled):
		move, kind = platform.Cancel, platform.EventCanceled
	case errors.Is(err, errSuperseded):
		move, kind = platform.Supersede, platform.EventSuperseded
	}
	ended := d.end(dep, move, kind, failureOf(err))
	if a.service.Live == "" && (dep.Status == platform.RollingOut || dep.Status == platform.HealthCheck) {
		d.endWait(a.service)
	}
	return ended
}

// endWait has clients, who were told that a first version is starting, learn that it has failed.
func (d *Deployer) endWait(svc platform.Service) {
	ctx, cancel := context.WithTimeout(d.ctx, writeTimeout)
	defer cancel()
	if _, err := d.route(ctx, svc, nil); err != nil {
		d.Logger.Error("clients are not told that the first version has failed", "service", svc.Name, "err", err)
	}
}

// end records the end of a deployment that is not live, with its event.
func (d *Deployer) end(dep platform.Deployment, move platform.Move, kind string, f *platform.Failure) platform.Deployment {
	if move == platform.Fail {
		d.Logger.Info("deployment failed", "deployment", dep.ID, "service", dep.Name, "reason", f.Reason, "message", f.Message, "err", f.Err)
	}
	ended, err := d.advance(dep, move, func(r *platform.Deployment) {
		r.Message = f.Message
		if move == platform.Fail {
			r.Reason, r.Hint, r.Tail = f.Reason, f.Hint, f.Tail
		}
	}, platform.Event{Kind: kind, Status: string(f.Reason), Message: f.Message})
	if err != nil {
		d.Logger.Error("end of a deployment is not recorded", "deployment", dep.ID, "move", move, "err", err)
		return dep
	}
	return ended
}

// failureOf is what the user is told about err.
func failureOf(err error) *platform.Failure {
	var f *platform.Failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, errCanceled):
		return &platform.Failure{Message: "canceled before the build had ended; nothing has changed"}
	case errors.Is(err, errSuperseded):
		return &platform.Failure{Message: "superseded: a newer deployment overtook it before its build had ended"}
	case errors.Is(err, platform.ErrCapacity):
		return &platform.Failure{Reason: platform.CapacityExceeded, Message: err.Error(), Err: err}
	}
	return &platform.Failure{
		Reason:  platform.Internal,
		Message: fmt.Sprintf("csph itself failed: %v", err),
		Hint:    "Try again; if it stays, csphd doctor and csphd's log say more.",
		Err:     err,
	}
}
