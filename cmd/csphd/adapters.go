package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"csph/api"
	"csph/builder"
	"csph/daemon"
	"csph/deploy"
	"csph/gitd"
	"csph/logs"
	"csph/platform"
	"csph/runtime/containerd"
	"csph/store"
	"csph/transcript"
)

// images lets deploy order from the builder. Builds wait for containerd, and one that containerd's
// death has broken says so.
type images struct {
	*builder.Builder
	containerd *daemon.Process
}

func (i images) Build(ctx context.Context, b deploy.Build) (platform.Image, error) {
	if err := i.containerd.WaitReady(ctx); err != nil {
		return platform.Image{}, err
	}
	before := i.containerd.Status().Restarts
	image, err := i.Builder.Build(ctx, builder.Request(b))
	if err != nil && ctx.Err() == nil && i.containerd.Status().Restarts != before {
		return image, &platform.Failure{
			Reason:  platform.BuildFailed,
			Message: "the build was interrupted: containerd stopped and was started again",
			Hint:    "Push again.", Err: err,
		}
	}
	return image, err
}

func (i images) Log(deployment string) (deploy.BuildLog, error) { return i.Builder.Log(deployment) }

// pushers lets gitd ask the records who may push where.
type pushers struct{ *store.DB }

func (p pushers) Authenticate(ctx context.Context, key ssh.PublicKey) (gitd.Identity, error) {
	k, _, err := p.KeyByFingerprint(ctx, gossh.FingerprintSHA256(key))
	if errors.Is(err, platform.ErrNotFound) {
		return gitd.Identity{}, fmt.Errorf("%w: the key is not known; csph keys add adds it", platform.ErrUnauthorized)
	}
	if err != nil {
		return gitd.Identity{}, err
	}
	return gitd.Identity{Account: k.Account, Name: k.Name}, nil
}

func (p pushers) Resolve(ctx context.Context, id gitd.Identity, path string) (platform.Service, error) {
	ref, err := store.ParseRef(path)
	if err != nil {
		return platform.Service{}, err
	}
	return p.ResolveService(ctx, id.Account, ref.String())
}

func (p pushers) Create(ctx context.Context, id gitd.Identity, path string) (platform.Service, error) {
	return p.CreateService(ctx, id.Account, path, platform.Service{})
}

// story is what a transcript is told from.
type story struct {
	*store.DB
	state string
}

func (s story) DeploymentEvents(ctx context.Context, id string, after int64) iter.Seq2[platform.Event, error] {
	return s.Subscribe(ctx, store.Filter{Deployment: id, After: after, Live: true})
}

func (s story) BuildLog(ctx context.Context, id string) iter.Seq2[logs.Line, error] {
	return logs.Follow(ctx, buildLog(s.state, id), logs.Query{})
}

func buildLog(state, deployment string) string {
	return filepath.Join(state, "logs", "builds", deployment+".log")
}

// narrator tells a push how its deployment goes.
type narrator struct{ story }

func (n narrator) Follow(ctx context.Context, deployment string, w io.Writer) error {
	err := transcript.Follow(ctx, n.story, deployment, w)
	var settled *transcript.SettledError
	if errors.As(err, &settled) {
		return nil // told to its end; the push's exit status comes from the deployment itself
	}
	return err
}

// ledger is the records and the bus as the API wants them.
type ledger struct{ *store.DB }

func (l ledger) Keys(ctx context.Context, account string) ([]platform.Key, error) {
	return l.ListKeys(ctx, account)
}

type bulletin struct{ *store.DB }

func (b bulletin) Events(ctx context.Context, q api.EventQuery) iter.Seq2[platform.Event, error] {
	return b.Subscribe(ctx, store.Filter(q))
}

// spherelets is the engine as deploy and the API want it.
type spherelets struct{ *containerd.Engine }

func (s spherelets) RunOnce(ctx context.Context, set platform.Set, command []string, log deploy.BuildLog) (int, error) {
	return s.Engine.RunOnce(ctx, set, command, log)
}

// Tail joins the ends of the logs of a deployment's spherelets in order of time.
func (s spherelets) Tail(deployment string, lines int) ([]string, error) {
	ids, err := s.Logged(deployment)
	if err != nil {
		return nil, err
	}
	var all []logs.Line
	for _, id := range ids {
		some, err := logs.Read(s.LogPath(deployment, id), logs.Query{Tail: lines})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b logs.Line) int { return a.Time.Compare(b.Time) })
	var text []string
	for _, l := range all[max(0, len(all)-lines):] {
		text = append(text, l.Text)
	}
	return text, nil
}

// deployer is deploy.Deployer, whose services also leave nothing on disk when they go.
type deployer struct {
	*deploy.Deployer
	db     *store.DB
	engine *containerd.Engine
	git    *gitd.Server
	state  string
}

func (d deployer) Withdraw(ctx context.Context, service string) error {
	all, err := d.db.Deployments(ctx, service, 0)
	if err != nil {
		return err
	}
	if err := d.Deployer.Withdraw(ctx, service); err != nil {
		return err
	}
	errs := []error{d.git.Delete(ctx, service), os.RemoveAll(filepath.Join(d.state, "sources", service))}
	for _, dep := range all {
		errs = append(errs, d.engine.ForgetLogs(dep.ID), os.RemoveAll(buildLog(d.state, dep.ID)))
	}
	return errors.Join(errs...)
}
