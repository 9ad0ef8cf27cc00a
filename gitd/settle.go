package gitd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"csph/deploy"
	"csph/gitd/bare"
	"csph/platform"
)

// settle makes the changes that are not refused, by way of a deployment where there is one.
func (p *push) settle(ctx context.Context) {
	if p.atomic() && len(p.refusals) > 0 {
		p.refuseRest("the push is atomic, and another reference was refused")
	}
	if len(p.pending()) == 0 {
		return
	}
	if err := p.ensureService(ctx); err != nil {
		p.refuseRest("%s", p.session.sentence("make the service", err))
		return
	}
	if p.deploy != nil && p.refusals[p.deploy.Name] == "" {
		p.runDeployment(ctx)
	} else {
		p.apply(ctx, p.pending())
	}
	p.session.server.tasks.start(func() { p.session.server.tidy.run(p.session.server.alive, p.repository) })
}

// ensureService makes the service, if this push may be the one that does, and its repository.
func (p *push) ensureService(ctx context.Context) (err error) {
	if p.service.ID == "" {
		if p.deploy == nil || p.refusals[p.deploy.Name] != "" {
			return fmt.Errorf("%w: there is no service %q; it is made by pushing main", platform.ErrNotFound, p.path)
		}
		if p.service, err = p.createService(ctx); err != nil {
			return err
		}
	}
	if p.repository, err = p.session.server.store.Create(p.service.ID); err != nil {
		return err
	}
	if p.quarantine != nil {
		p.quarantine.MoveTo(p.repository)
	}
	return nil
}

func (p *push) createService(ctx context.Context) (platform.Service, error) {
	bounded, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	service, err := p.session.server.services.Create(bounded, p.session.identity, p.path)
	if errors.Is(err, platform.ErrConflict) { // somebody's first push was faster
		return p.session.resolve(ctx, p.path)
	}
	if err == nil {
		p.terminal.Say("service %s created", service.Name)
	}
	return service, err
}

// runDeployment orders the deployment and lets the terminal follow it. The references are changed
// when the build has succeeded.
func (p *push) runDeployment(ctx context.Context) {
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	followed := make(chan struct{})
	close(followed)
	accepted := false
	request := deploy.Request{
		Service: p.service.ID,
		Trigger: platform.Trigger{Kind: "push", Actor: p.session.identity.Name, Address: hostOf(p.session.RemoteAddr())},
		Source:  &source{push: p},
		Change:  p.change(),
		NoCache: p.options.NoCache,
		Accept: func(_ context.Context, _ platform.Deployment) error {
			// Accepting is quick, and must not end half-way because the client does.
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTime)
			defer cancel()
			if err := p.accept(bounded); err != nil {
				return err
			}
			accepted = true
			return nil
		},
		Created: func(d platform.Deployment) { followed = p.follow(following, d.ID) },
	}
	d, err := p.session.server.deployer.Deploy(ctx, request)
	p.awaitNarrator(followed, stopFollowing)
	p.conclude(ctx, d, err, accepted)
}

// Bounds of the steps around a deployment.
const (
	acceptTime  = time.Minute
	narrateTime = 10 * time.Second // from the end of a deployment to the end of its story
)

// follow lets the narrator write to the terminal; the channel is closed when it has ended.
func (p *push) follow(ctx context.Context, deployment string) chan struct{} {
	done := make(chan struct{})
	started := p.session.server.tasks.start(func() {
		defer close(done)
		if err := p.session.server.narrator.Follow(ctx, deployment, p.terminal); err != nil && ctx.Err() == nil {
			p.session.log.Warn("follow deployment failed", "deployment", deployment, "error", err)
		}
	})
	if !started {
		close(done)
	}
	return done
}

func (p *push) awaitNarrator(followed <-chan struct{}, stop func()) {
	patience := time.AfterFunc(narrateTime, stop)
	defer patience.Stop()
	<-followed
}

// change turns -o env=… into an edit of the service's configuration.
func (p *push) change() func(*platform.Config) error {
	if len(p.options.Env) == 0 {
		return nil
	}
	return func(c *platform.Config) error {
		env := make(map[string]string, len(c.Env)+len(p.options.Env))
		maps.Copy(env, c.Env)
		maps.Copy(env, p.options.Env)
		c.Env = env
		return nil
	}
}

// accept takes the objects over and moves the references: the deployed one, or the deployment fails;
// with an atomic push all of them, otherwise the others as far as they go.
func (p *push) accept(ctx context.Context) error {
	if err := p.quarantine.Migrate(); err != nil {
		return errors.New(p.session.sentence("take the objects over", err))
	}
	commands := p.pending()
	if !p.atomic() {
		commands = []packp.Command{*p.deploy}
	}
	if err := p.repository.Update(ctx, changes(commands)); err != nil {
		return errors.New(p.updateSentence(err))
	}
	if err := p.repository.SetHead(p.tracked()); err != nil {
		p.session.log.Warn("set HEAD failed", "error", err)
	}
	return nil
}

// conclude reads the end of the deployment.
func (p *push) conclude(ctx context.Context, d platform.Deployment, err error, accepted bool) {
	p.failed = err != nil || d.Status != platform.Live
	if !accepted {
		p.refuse(p.deploy.Name, "%s", p.whyRefused(d, err))
		if p.atomic() || ctx.Err() != nil {
			p.refuseRest("the push ended before anything was changed")
		}
	}
	if accepted && err != nil {
		p.terminal.Say("%s", p.session.sentence("roll out", err))
	}
	if !accepted || !p.atomic() {
		p.apply(context.WithoutCancel(ctx), p.others())
	}
}

// others lists the commands beside the deployed one that are not refused.
func (p *push) others() []packp.Command {
	var list []packp.Command
	for _, c := range p.pending() {
		if c.Name != p.deploy.Name {
			list = append(list, c)
		}
	}
	return list
}

// whyRefused says in a few words why a deployment ended before its build did well.
func (p *push) whyRefused(d platform.Deployment, err error) string {
	switch {
	case err != nil:
		return p.session.sentence("deploy", err)
	case d.Status == platform.Superseded:
		return "superseded by a newer push"
	case d.Status == platform.Canceled:
		return "canceled"
	case d.Reason == platform.BuildFailed || d.Reason == platform.BuildTimeout:
		return "build failed: " + firstLine(d.Message)
	case d.Message != "":
		return firstLine(d.Message)
	}
	return "the deployment ended as " + string(d.Status)
}

// firstLine is what a message begins with; the pushing terminal has all of it already.
func firstLine(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	return line
}

// apply makes changes without a deployment: all at once, and one by one where that fails and the
// client did not ask for all or nothing.
func (p *push) apply(ctx context.Context, commands []packp.Command) {
	if len(commands) == 0 {
		return
	}
	if err := p.migrate(); err != nil {
		p.refuseRest("%s", p.session.sentence("take the objects over", err))
		return
	}
	err := p.repository.Update(ctx, changes(commands))
	for _, c := range commands {
		switch {
		case err == nil:
		case p.atomic():
			p.refuse(c.Name, "%s", p.updateSentence(err))
		default:
			if err := p.repository.Update(ctx, changes([]packp.Command{c})); err != nil {
				p.refuse(c.Name, "%s", p.updateSentence(err))
			}
		}
		if c.Name == p.tracked() && !deletes(c) && p.refusals[c.Name] == "" {
			if err := p.repository.SetHead(c.Name); err != nil {
				p.session.log.Warn("set HEAD failed", "error", err)
			}
		}
	}
}

func (p *push) migrate() error {
	if p.quarantine == nil {
		return nil
	}
	return p.quarantine.Migrate()
}

func changes(commands []packp.Command) []bare.Change {
	list := make([]bare.Change, 0, len(commands))
	for _, c := range commands {
		if c.Old.IsZero() && deletes(c) {
			continue // it was not there, and will not be
		}
		list = append(list, bare.Change{Name: c.Name, Old: c.Old, New: c.New})
	}
	return list
}

func (p *push) updateSentence(err error) string {
	if errors.Is(err, bare.ErrStale) {
		return bare.ErrStale.Error()
	}
	if errors.Is(err, bare.ErrRefused) {
		return err.Error()
	}
	return p.session.sentence("update the reference", err)
}

// hostOf is an address without its port.
func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
