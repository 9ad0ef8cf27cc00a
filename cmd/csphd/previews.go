package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

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
		return "", p.withdraw(ctx, parent.Account, ref)
	}
	svc, err := p.ensure(ctx, parent, ref)
	if err != nil {
		return "", err
	}
	return p.deploy(ctx, parent, svc, o)
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
		Trigger: platform.Trigger{Kind: platform.TriggerWebhook, Actor: o.Sender},
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

// withdraw removes a preview, and its environment with the last service in it. One that is not there is no error.
func (p previews) withdraw(ctx context.Context, account string, ref store.Ref) error {
	svc, err := p.db.ResolveService(ctx, account, ref.String())
	if errors.Is(err, platform.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.deployer.Withdraw(ctx, svc.ID); err != nil {
		return fmt.Errorf("withdraw the preview %s: %w", ref, err)
	}
	left, err := p.db.ServicePage(ctx, store.ServicePage{Account: account, Environment: svc.Environment, Limit: 1})
	if err != nil || len(left) > 0 {
		return err
	}
	return p.db.DeleteEnvironment(ctx, svc.Environment)
}
