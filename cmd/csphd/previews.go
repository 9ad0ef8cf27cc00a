package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"csph/deploy"
	"csph/gitd"
	"csph/gitd/webhook"
	"csph/platform"
	"csph/store"
)

// previews deploy pull requests, each to an environment of its own beside the service's.
type previews struct {
	db       *store.DB
	deployer withdrawing
	origins  origins
	reports  reports
	keep     time.Duration // without a commit, where the webhook says nothing else
}

// previewName is the environment of a pull request.
func previewName(number int) string { return "pr-" + strconv.Itoa(number) }

// start deploys what a pull request is at, or withdraws its preview when it was closed. It returns the deployment to wait for, if any.
func (p previews) start(ctx context.Context, o webhook.Order) (string, error) {
	parent, err := p.db.Service(ctx, o.Service)
	if err != nil {
		return "", err
	}
	project, err := p.db.ResolveProject(ctx, parent.Account, parent.Project)
	if err != nil {
		return "", err
	}
	ref := store.Ref{Project: project.Name, Environment: previewName(o.Pull.Number), Name: parent.Name}
	if o.Pull.State == webhook.PullClosed {
		return "", p.closed(ctx, parent.Account, ref)
	}
	svc, err := p.ensure(ctx, parent, ref)
	if err != nil {
		return "", err
	}
	if err := p.touch(ctx, parent, svc, o); err != nil {
		return "", err
	}
	return p.deploy(ctx, parent, svc, o)
}

// touch notes how long the preview stays from now on.
func (p previews) touch(ctx context.Context, parent, svc platform.Service, o webhook.Order) error {
	hook, err := p.db.Webhook(ctx, o.Hook)
	if err != nil {
		return err
	}
	_, err = p.db.TouchPreview(ctx, svc.ID, parent.ID, o.Pull.Number, cmp.Or(hook.KeepPreviews, p.keep))
	return err
}

// deploy fetches the pull request's branch from the parent's repository.
func (p previews) deploy(ctx context.Context, parent, svc platform.Service, o webhook.Order) (string, error) {
	_, from, err := p.origins.connected(ctx, parent.ID)
	if err != nil {
		return "", err
	}
	commit, err := p.origins.git.Resolve(ctx, from, o.Ref) // providers shorten a pull request's commit
	if err != nil {
		return "", err
	}
	commit.Subject = o.Subject
	d, err := p.deployer.Start(ctx, deploy.Request{
		Service: svc.ID, Source: p.origins.git.Clone(svc.ID, from, gitd.Commit(commit)),
		Trigger: triggerOf(o),
	})
	return d.ID, err
}

// ensure returns the preview's service, made at the first commit from what the parent is then: its settings, the
// variables of its environment, and its secrets. It runs one spherelet.
func (p previews) ensure(ctx context.Context, parent platform.Service, ref store.Ref) (platform.Service, error) {
	svc, err := p.db.ResolveService(ctx, parent.Account, ref.String())
	switch {
	case err == nil && svc.Live == "" && len(svc.Config.Secrets) == 0:
		return p.lendSecrets(ctx, parent, svc) // a csphd may have been killed before it had done so
	case !errors.Is(err, platform.ErrNotFound):
		return svc, err
	}
	if err := p.ensureEnvironment(ctx, parent, ref); err != nil {
		return svc, err
	}
	config := parent.Config
	config.Count, config.Secrets = 1, nil
	if svc, err = p.db.CreateService(ctx, parent.Account, ref.String(), platform.Service{Type: parent.Type, Config: config}); err != nil {
		return svc, err
	}
	return p.lendSecrets(ctx, parent, svc)
}

func (p previews) ensureEnvironment(ctx context.Context, parent platform.Service, ref store.Ref) error {
	made, err := p.db.CreateEnvironment(ctx, parent.Project, ref.Environment)
	if errors.Is(err, platform.ErrConflict) {
		return nil // another service of the same repository was first
	}
	if err != nil {
		return err
	}
	of, err := p.db.Environment(ctx, parent.Environment)
	if err != nil {
		return err
	}
	_, err = p.db.UpdateEnvironment(ctx, made.ID, func(e *platform.Environment) error {
		e.Env = maps.Clone(of.Env)
		return nil
	})
	return err
}

func (p previews) lendSecrets(ctx context.Context, parent, svc platform.Service) (platform.Service, error) {
	values, err := p.db.SecretValues(ctx, parent.ID, parent.Config.Secrets)
	if err != nil {
		return svc, err
	}
	versions := make(map[string]int64, len(values))
	for name, value := range values {
		if versions[name], err = p.db.KeepSecret(ctx, svc.ID, name, value, "preview of "+parent.Name); err != nil {
			return svc, err
		}
	}
	return p.db.UpdateService(ctx, svc.ID, func(s *platform.Service) error {
		s.Config.Secrets = versions
		return nil
	})
}

// closed withdraws the preview of a pull request that was closed. One that is not there is no error.
func (p previews) closed(ctx context.Context, account string, ref store.Ref) error {
	svc, err := p.db.ResolveService(ctx, account, ref.String())
	if err != nil {
		return ignoreMissing(err)
	}
	preview, err := p.db.Preview(ctx, svc.ID)
	if err == nil {
		err = p.reports.gone(ctx, preview, "the pull request was closed.")
	}
	if ignoreMissing(err) != nil {
		return err
	}
	return p.withdraw(ctx, svc)
}

// withdraw removes a preview, and its environment with the last service in it.
func (p previews) withdraw(ctx context.Context, svc platform.Service) error {
	if err := p.deployer.Withdraw(ctx, svc.ID); err != nil {
		return fmt.Errorf("withdraw the preview %s/%s: %w", svc.EnvName, svc.Name, err)
	}
	left, err := p.db.ServicePage(ctx, store.ServicePage{Account: svc.Account, Environment: svc.Environment, Limit: 1})
	if err != nil || len(left) > 0 {
		return err
	}
	err = p.db.DeleteEnvironment(ctx, svc.Environment)
	if errors.Is(err, platform.ErrConflict) {
		return nil // somebody has made volumes in it: they stay, and it does
	}
	return err
}

const (
	expiryTick = 5 * time.Second // how often it is looked which previews are over
	expiryTime = 5 * time.Minute
)

// servePreviews withdraws previews that no commit has come to for too long, until ctx ends.
func (s *server) servePreviews(ctx context.Context) error {
	p := s.previews()
	tick := time.NewTicker(expiryTick)
	defer tick.Stop()
	for {
		if err := p.expire(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.logger.Warn("previews whose time is over cannot be withdrawn", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *server) previews() previews {
	return previews{s.db, s.withdrawing(), origins{s.db, s.git}, s.reports(), s.config.Previews.Keep}
}

// expire withdraws the previews whose time is over.
func (p previews) expire(ctx context.Context, now time.Time) error {
	over, err := p.db.ExpiredPreviews(ctx, now)
	for _, one := range over {
		err = errors.Join(err, p.expireOne(ctx, one))
	}
	return err
}

func (p previews) expireOne(ctx context.Context, one platform.Preview) error {
	ctx, cancel := context.WithTimeout(ctx, expiryTime)
	defer cancel()
	svc, err := p.db.Service(ctx, one.Service)
	if err != nil {
		return ignoreMissing(err)
	}
	why := "no commit came for " + days(one.Expires.Sub(one.Touched)) + ". The next one brings it back."
	if err := p.reports.gone(ctx, one, why); err != nil {
		return err
	}
	_, err = p.db.Publish(ctx, platform.Event{Service: one.Parent, Kind: platform.EventPreviewGone, Message: fmt.Sprintf("the preview of pull request %d has gone: %s", one.Number, why)})
	return errors.Join(err, p.withdraw(ctx, svc))
}

// days is a time in days, where it is some.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.String()
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}
