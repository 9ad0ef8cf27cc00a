package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"csph/api"
	"csph/api/wire"
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

// loginsOf lets the builder pull with the logins of a deployment's service.
func loginsOf(db *store.DB) func(ctx context.Context, deployment, host string) (user, password string, err error) {
	return func(ctx context.Context, deployment, host string) (string, string, error) {
		d, err := db.Deployment(ctx, deployment)
		if err != nil {
			return "", "", err
		}
		return db.RegistryLogin(ctx, d.Service, host)
	}
}

// pushers lets gitd ask the records who may push where.
type pushers struct{ *store.DB }

func (p pushers) Authenticate(ctx context.Context, key ssh.PublicKey) (gitd.Identity, error) {
	c, err := p.KeyCaller(ctx, gossh.FingerprintSHA256(key))
	if errors.Is(err, platform.ErrNotFound) {
		return gitd.Identity{}, fmt.Errorf("%w: the key is not known; csph keys add adds it", platform.ErrUnauthorized)
	}
	if err != nil {
		return gitd.Identity{}, err
	}
	return gitd.Identity{Account: c.Account, Name: c.Name, Projects: c.Projects, NoPush: c.Check(platform.MayChange)}, nil
}

func (p pushers) Resolve(ctx context.Context, id gitd.Identity, path string) (platform.Service, error) {
	ref, err := store.ParseRef(path)
	if err != nil {
		return platform.Service{}, err
	}
	svc, err := p.ResolveService(ctx, id.Account, ref.String())
	limits := platform.Caller{Projects: id.Projects}
	if err == nil && !limits.Sees(svc.Project) || errors.Is(err, platform.ErrNotFound) && id.Projects != nil {
		return platform.Service{}, fmt.Errorf("%w: there is no service %s", platform.ErrNotFound, ref)
	}
	return svc, err
}

func (p pushers) Create(ctx context.Context, id gitd.Identity, path string) (platform.Service, error) {
	ref, err := store.ParseRef(path)
	if err != nil {
		return platform.Service{}, err
	}
	project, err := p.ResolveProject(ctx, id.Account, ref.Project)
	if limits := (platform.Caller{Projects: id.Projects}); err == nil && !limits.Sees(project.ID) {
		err = fmt.Errorf("%w: there is no project %s", platform.ErrNotFound, ref.Project)
	}
	if err != nil {
		return platform.Service{}, err
	}
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

// spherelets is the engine as deploy and the API want it. What it tells of logs has no secrets in it.
type spherelets struct {
	*containerd.Engine
	db *store.DB
}

func (s spherelets) RunOnce(ctx context.Context, set platform.Set, command []string, log deploy.BuildLog) (int, error) {
	mask, err := maskOf(s.db, set.Deployment)
	if err != nil {
		return -1, err
	}
	return s.Engine.RunOnce(ctx, set, command, maskedLog{log, mask})
}

// maskedLog hides secrets in what a command prints.
type maskedLog struct {
	deploy.BuildLog
	mask *logs.Mask
}

func (m maskedLog) Line(text string) { m.BuildLog.Line(m.mask.Text(text)) }

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
	mask, err := maskOf(s.db, deployment)
	if err != nil {
		return nil, err
	}
	var text []string
	for _, l := range all[max(0, len(all)-lines):] {
		text = append(text, mask.Text(l.Text))
	}
	return text, nil
}

// maskOf hides what is secret of a deployment's service.
func maskOf(db *store.DB, deployment string) (*logs.Mask, error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	d, err := db.Deployment(ctx, deployment)
	if err != nil {
		return nil, err
	}
	secrets, err := db.Masked(ctx, d.Service)
	if err != nil {
		return nil, err
	}
	return logs.NewMask(secrets...), nil
}

// recordTimeout bounds a question to the records that no request waits with.
const recordTimeout = 10 * time.Second

// commands runs what users ask for in spherelets.
type commands struct {
	engine   *containerd.Engine
	deployer *deploy.Deployer
}

func (c commands) Exec(ctx context.Context, spherelet string, cmd api.Command) (int, error) {
	return attended(ctx, cmd, func(ctx context.Context, run containerd.Command) (int, error) {
		return c.engine.Exec(ctx, spherelet, run)
	})
}

func (c commands) RunAttached(ctx context.Context, service string, cmd api.Command) (int, error) {
	return attended(ctx, cmd, func(ctx context.Context, run containerd.Command) (int, error) {
		return c.deployer.Alone(ctx, service, run.Args, func(set platform.Set) (int, error) {
			run.Args = set.Command
			return c.engine.RunAttached(ctx, set, run)
		})
	})
}

// attended runs a command as the engine wants it, which hears of the sizes of its terminal for as long as it runs.
func attended(ctx context.Context, cmd api.Command, run func(context.Context, containerd.Command) (int, error)) (int, error) {
	c := containerd.Command{Args: cmd.Args, Stdin: cmd.In, Stdout: cmd.Out, Stderr: cmd.Errs, TTY: cmd.TTY, Size: containerd.Size{Width: cmd.Size.Width, Height: cmd.Size.Height}}
	if cmd.TTY {
		c.Env = []string{"TERM=" + cmp.Or(cmd.Term, "xterm")}
	}
	if cmd.Sizes == nil {
		return run(ctx, c)
	}
	ctx, cancel := context.WithCancel(ctx)
	sizes := make(chan containerd.Size)
	var passing sync.WaitGroup
	passing.Go(func() { passSizes(ctx, cmd.Sizes, sizes) })
	defer passing.Wait()
	defer cancel()
	c.Resize = sizes
	return run(ctx, c)
}

// passSizes hands the sizes of a terminal on until ctx ends.
func passSizes(ctx context.Context, from <-chan wire.TerminalSize, to chan<- containerd.Size) {
	for {
		select {
		case size := <-from:
			select {
			case to <- containerd.Size{Width: size.Width, Height: size.Height}:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (c commands) RunOnce(ctx context.Context, service string, command []string, out io.Writer) (int, error) {
	return c.deployer.RunOnce(ctx, service, command, &lineWriter{out: out})
}

// lineWriter passes lines on as they come. What cannot be written ends nothing: the context of the command does.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lineWriter) Step(string)  {}
func (l *lineWriter) Close() error { return nil }
func (l *lineWriter) Line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.out, text+"\n") // nobody reads any more
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
	all, err := d.db.DeploymentIDs(ctx, service)
	if err != nil {
		return err
	}
	runs, err := d.db.RunIDs(ctx, service)
	if err != nil {
		return err
	}
	if err := d.Deployer.Withdraw(ctx, service); err != nil {
		return err
	}
	errs := []error{d.git.Delete(ctx, service), os.RemoveAll(filepath.Join(d.state, "sources", service)), removeAccessLog(d.state, service)}
	errs = append(errs, planned{state: d.state}.forgetRuns(runs))
	for _, id := range all {
		errs = append(errs, d.engine.ForgetLogs(id), os.RemoveAll(buildLog(d.state, id)))
	}
	return errors.Join(errs...)
}
