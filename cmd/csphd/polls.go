package main

import (
	"context"
	"time"

	"csph/deploy"
	"csph/gitd"
	"csph/platform"
	"csph/store"
)

const (
	pollTick = 5 * time.Second  // how often it is looked who is due
	pollTime = 30 * time.Second // for asking one repository
)

// polls asks the branches of repositories for new commits, where no webhook can reach csphd.
type polls struct {
	server *server
	asked  map[string]time.Time // by service
}

// servePolls asks whoever is due, one after the other, until ctx ends.
func (s *server) servePolls(ctx context.Context) error {
	p := &polls{server: s, asked: map[string]time.Time{}}
	tick := time.NewTicker(pollTick)
	defer tick.Stop()
	for {
		p.round(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *polls) round(ctx context.Context) {
	all, err := p.server.db.Polls(ctx)
	if err != nil && ctx.Err() == nil {
		p.server.logger.Warn("repositories cannot be polled", "err", err)
	}
	for service, r := range all {
		if ctx.Err() != nil || time.Since(p.asked[service]) < r.Poll {
			continue
		}
		p.asked[service] = time.Now()
		if err := p.server.poll(ctx, service, r); err != nil && ctx.Err() == nil {
			p.server.logger.Warn("a repository could not be polled", "service", service, "repository", r.URL, "err", err)
		}
	}
}

// poll deploys what a branch is at, once: the commit is noted when its deployment exists.
func (s *server) poll(ctx context.Context, service string, r platform.Repository) error {
	ctx, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	from := origins{s.db, s.git}
	_, remote, err := from.connected(ctx, service)
	if err != nil {
		return err
	}
	commit, err := s.git.Resolve(ctx, remote, branchRef(r.Branch))
	if err != nil || commit.ID == r.Polled {
		return err
	}
	if deployed, err := isDeployed(ctx, s.db, service, commit); err != nil || deployed {
		return orNote(ctx, s.db, service, commit, err)
	}
	if touched, err := from.touches(ctx, service, commit, nil); err != nil || !touched {
		return orNote(ctx, s.db, service, commit, err)
	}
	_, err = s.recorded().Start(ctx, deploy.Request{
		Service: service, Source: s.git.Clone(service, remote, commit), Trigger: platform.Trigger{Kind: platform.TriggerPoll, Actor: "polling"},
	})
	return orNote(ctx, s.db, service, commit, err)
}

func orNote(ctx context.Context, db *store.DB, service string, commit gitd.Commit, err error) error {
	if err != nil {
		return err
	}
	return db.Polled(ctx, service, commit.ID)
}

// isDeployed reports whether the commit is what is live: the first question after a repository is connected.
func isDeployed(ctx context.Context, db *store.DB, service string, commit gitd.Commit) (bool, error) {
	svc, err := db.Service(ctx, service)
	if err != nil || svc.Live == "" {
		return false, err
	}
	live, err := db.Deployment(ctx, svc.Live)
	return live.Source.Revision == commit.ID, err
}
