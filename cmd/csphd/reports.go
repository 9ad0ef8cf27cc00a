package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"csph/gitd/forge"
	"csph/gitd/remote"
	"csph/gitd/webhook"
	"csph/platform"
	"csph/store"
)

const (
	reportsReader = "reports" // of the bus
	noteEvery     = 1000      // events without a report, after which it is noted how far the bus was read
	readPause     = 5 * time.Second
)

// reports turns what happens into what the hosts of repositories are told.
type reports struct {
	db      *store.DB
	origins origins
	wake    func() // called when something was queued
}

// Address implements forge.Addresses. Only who was given a token is told anything.
func (r reports) Address(ctx context.Context, service string) (forge.Provider, remote.Repository, error) {
	known, from, err := r.origins.connected(ctx, service)
	if err != nil {
		return "", from, err
	}
	provider, err := r.providerOf(ctx, service, known)
	if err == nil && (provider == "" || known.Credential != platform.ByToken || known.Muted != "") {
		err = fmt.Errorf("%w: nothing is reported to %s", platform.ErrNotFound, known.URL)
	}
	return provider, from, err
}

// providerOf is who keeps a service's repository: as was said when it was connected, as everybody knows of its host, or as
// its webhooks say.
func (r reports) providerOf(ctx context.Context, service string, known platform.Repository) (forge.Provider, error) {
	if known.Provider != "" {
		return forge.Provider(known.Provider), nil
	}
	u, err := remote.ParseURL(known.URL)
	if err != nil {
		return "", err
	}
	if p := forge.ProviderOf(u.Hostname()); p != "" {
		return p, nil
	}
	hooks, err := r.db.Webhooks(ctx, service)
	if err != nil {
		return "", err
	}
	for _, h := range hooks {
		if len(forge.Kinds(webhook.Provider(h.Provider))) > 0 {
			return webhook.Provider(h.Provider), nil
		}
	}
	return "", nil
}

// of are the reports that an event asks for.
func (r reports) of(ctx context.Context, e platform.Event) ([]platform.Report, error) {
	state, told := reportState(e.Kind)
	if !told || e.Deployment == "" {
		return nil, nil
	}
	dep, err := r.db.Deployment(ctx, e.Deployment)
	if errors.Is(err, platform.ErrNotFound) || err == nil && (dep.Source.Repository == "" || dep.Source.Kind != platform.FromGit) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	svc, err := r.db.Service(ctx, dep.Service)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	connected, preview, err := r.connection(ctx, svc)
	if err != nil {
		return nil, err
	}
	provider, to, err := r.Address(ctx, connected)
	if err != nil || to.URL != dep.Source.Repository {
		return nil, ignoreMissing(err)
	}
	return write(provider, connected, svc, dep, preview, state), nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, platform.ErrNotFound) {
		return nil
	}
	return err
}

// connection is the service whose repository and credential a service is deployed with: its parent's, for a preview.
func (r reports) connection(ctx context.Context, svc platform.Service) (id string, preview *platform.Preview, err error) {
	p, err := r.db.Preview(ctx, svc.ID)
	if errors.Is(err, platform.ErrNotFound) {
		return svc.ID, nil, nil
	}
	return p.Parent, &p, err
}

func reportState(kind string) (platform.ReportState, bool) {
	switch kind {
	case platform.EventAccepted:
		return platform.ReportPending, true
	case platform.EventLive:
		return platform.ReportSuccess, true
	case platform.EventFailed, platform.EventCanceled, platform.EventSuperseded:
		return platform.ReportFailure, true
	}
	return "", false
}

// write are the reports of a deployment.
func write(provider forge.Provider, connected string, svc platform.Service, dep platform.Deployment, preview *platform.Preview, state platform.ReportState) []platform.Report {
	common := platform.Report{
		Service: connected, Deployment: dep.ID, Commit: dep.Source.Revision, Ref: dep.Source.Branch, Label: "csph/" + svc.Name,
		Environment: svc.EnvName + "/" + svc.Name, State: state, Text: outcome(dep, state), URL: dep.URL, Last: state != platform.ReportPending,
	}
	if svc.EnvName != platform.DefaultEnvironment {
		common.Label = "csph/" + common.Environment
	}
	if preview != nil {
		common.Pull = preview.Number
	}
	var all []platform.Report
	for _, kind := range forge.Kinds(provider) {
		one := common
		one.Kind, one.Subject = kind, string(kind)+" "+dep.ID
		all = append(all, one)
	}
	if preview != nil && state != platform.ReportPending && dep.Status != platform.Superseded {
		one := common
		one.Kind, one.Subject, one.Last = platform.ReportComment, commentSubject(*preview), false
		one.Text = comment(svc, dep, *preview, state)
		all = append(all, one)
	}
	return all
}

func outcome(dep platform.Deployment, state platform.ReportState) string {
	switch {
	case state == platform.ReportPending:
		return "queued"
	case state == platform.ReportSuccess:
		return "live"
	case dep.Reason != "":
		return string(dep.Reason) + ": " + dep.Message
	}
	return dep.Message
}

// commentSubject is the one comment on a pull request.
func commentSubject(p platform.Preview) string {
	return fmt.Sprintf("comment %s/%d", p.Parent, p.Number)
}

func comment(svc platform.Service, dep platform.Deployment, p platform.Preview, state platform.ReportState) string {
	until := "It goes when the pull request is closed, or on " + p.Expires.UTC().Format("2 January 2006") + " unless another commit comes."
	if state == platform.ReportSuccess {
		return fmt.Sprintf("The preview of `%s` at %.7s is at %s\n\n%s", svc.Name, dep.Source.Revision, dep.URL, until)
	}
	text := fmt.Sprintf("The preview of `%s` at %.7s could not be deployed: %s", svc.Name, dep.Source.Revision, outcome(dep, state))
	if svc.Live != "" {
		text += fmt.Sprintf("\n\nThe version before it stays at %s", dep.URL)
	}
	return text
}

// gone tells a pull request, if it was told of a preview, that this one has gone, and a host that has a list of deployments that
// those of the preview are there no more.
func (r reports) gone(ctx context.Context, p platform.Preview, why string) error {
	last, err := r.db.Report(ctx, commentSubject(p))
	if err == nil {
		last.Text, last.State, last.Last, last.URL = "The preview has gone: "+why, platform.ReportSuccess, true, ""
		err = r.db.QueueReports(ctx, "", 0, last)
	}
	if err = ignoreMissing(err); err == nil {
		err = ignoreMissing(r.retire(ctx, p, why))
	}
	r.wake()
	return err
}

// retire queues what is told of the deployments of a preview that goes. ErrNotFound when nothing is told of its parent's.
func (r reports) retire(ctx context.Context, p platform.Preview, why string) error {
	provider, _, err := r.Address(ctx, p.Parent)
	if err != nil || !slices.Contains(forge.Kinds(provider), platform.ReportDeployment) {
		return err
	}
	svc, err := r.db.Service(ctx, p.Service)
	if err != nil {
		return err
	}
	return r.db.QueueReports(ctx, "", 0, platform.Report{
		Subject: fmt.Sprintf("gone %s/%d", p.Parent, p.Number), Service: p.Parent, Kind: platform.ReportDeployment, State: platform.ReportInactive,
		Environment: svc.EnvName + "/" + svc.Name, Pull: p.Number, Text: "the preview has gone: " + why, Last: true,
	})
}

// serveReports follows what happens and tells the hosts of repositories, until ctx ends.
func (s *server) serveReports(ctx context.Context) error {
	r := s.reports()
	told := make(chan error, 1)
	go func() { told <- s.reporter.Run(ctx) }()
	for ctx.Err() == nil {
		err := r.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		s.logger.Warn("what is to be reported cannot be followed; trying again", "err", err)
		select {
		case <-time.After(readPause):
		case <-ctx.Done():
		}
	}
	return <-told
}

func (s *server) reports() reports {
	return reports{s.db, origins{s.db, s.git}, func() { s.reporter.Wake() }}
}

// makeReporter makes who tells the hosts of repositories.
func (s *server) makeReporter() {
	tell := func(e platform.Event) { s.tell(e, nil) }
	s.reporter = forge.NewReporter(s.db, s.reports(), forge.NewClient(s.git.Transport()), tell, s.logger)
}

// follow queues the reports of everything that happens, from where an earlier csphd has read to.
func (r reports) follow(ctx context.Context) error {
	from, err := r.from(ctx)
	if err != nil {
		return err
	}
	unnoted := 0
	for e, err := range r.db.Subscribe(ctx, store.Filter{After: from, Live: true}) {
		if err != nil {
			return err
		}
		found, err := r.of(ctx, e)
		if err != nil {
			return fmt.Errorf("report event %d: %w", e.Seq, err)
		}
		if unnoted++; len(found) == 0 && unnoted < noteEvery {
			continue
		}
		if err := r.db.QueueReports(ctx, reportsReader, e.Seq, found...); err != nil {
			return err
		}
		unnoted = 0
		r.wake()
	}
	return ctx.Err()
}

// from is the position to read from; at the very first start, what has been is not reported.
func (r reports) from(ctx context.Context) (int64, error) {
	seq, err := r.db.Cursor(ctx, reportsReader)
	if !errors.Is(err, platform.ErrNotFound) {
		return seq, err
	}
	if seq, err = r.db.Position(ctx); err != nil {
		return 0, err
	}
	return seq, r.db.QueueReports(ctx, reportsReader, seq)
}
