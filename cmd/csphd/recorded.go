package main

import (
	"context"
	"log/slog"
	"net/http"

	"csph/deploy"
	"csph/platform"
	"csph/store"
)

// recorded makes deployments that nobody asks the API for, and writes each down in the audit log.
type recorded struct {
	*deploy.Deployer
	db  *store.DB
	log *slog.Logger
}

// recorded is the deployer of what is pushed, and of what the clock asks for.
func (s *server) recorded() recorded { return recorded{s.deployer, s.db, s.logger} }

// Deploy makes the deployment of a push.
func (r recorded) Deploy(ctx context.Context, wanted deploy.Request) (platform.Deployment, error) {
	return r.record(ctx, "git-push", wanted, r.Deployer.Deploy)
}

// Start makes a deployment that is called in the audit log what its trigger is.
func (r recorded) Start(ctx context.Context, wanted deploy.Request) (platform.Deployment, error) {
	return r.record(ctx, wanted.Trigger.Kind, wanted, r.Deployer.Start)
}

// record has carry do what is wanted, and who wants it written down together with the first change of that.
func (r recorded) record(ctx context.Context, action string, wanted deploy.Request, carry func(context.Context, deploy.Request) (platform.Deployment, error)) (platform.Deployment, error) {
	svc, err := r.db.Service(ctx, wanted.Service)
	if err != nil {
		return platform.Deployment{}, err
	}
	e := platform.AuditEntry{Account: svc.Account, Member: wanted.Trigger.Actor, Address: wanted.Trigger.Address, Action: action, Target: wanted.Service, Status: http.StatusOK}
	within, settle := r.db.Announce(ctx, e)
	d, err := carry(within, wanted)
	if e.Message = d.ID; err != nil {
		e.Status, e.Message = http.StatusConflict, err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if err := settle(ctx, e); err != nil {
		r.log.Error("audit entry is lost", "action", e.Action, "service", wanted.Service, "err", err)
	}
	return d, err
}
