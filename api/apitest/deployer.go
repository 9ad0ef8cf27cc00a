package apitest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/api"
	"csph/deploy"
	"csph/logs"
	"csph/platform"
	"csph/store"
)

// Deployer records deployments as the real one does, and nothing else. What becomes of one follows from
// what is deployed: an image named broken fails to be pulled, one named slow is pulled until it is
// cancelled or Release is called, one named lingering stays in its health check until then, one named
// unhealthy fails it; everything else goes live.
type Deployer struct {
	db     *store.DB
	logDir string

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	building map[string]context.CancelFunc
	release  chan struct{}
	killed   chan struct{} // closed when the command linger has been killed
	used     time.Duration // of CPU
	files    []string      // seen in the folders of uploads
	uncached int           // deployments that were to be built anew
}

func newDeployer(db *store.DB, logDir string) *Deployer {
	ctx, stop := context.WithCancel(context.Background())
	return &Deployer{db: db, logDir: logDir, ctx: ctx, stop: stop, building: map[string]context.CancelFunc{}, release: make(chan struct{}), killed: make(chan struct{})}
}

// Close ends what is under way.
func (d *Deployer) Close() {
	d.stop()
	d.wg.Wait()
}

// Release lets images named slow go on.
func (d *Deployer) Release() { close(d.release) }

// Files lists what was in the uploads that were deployed.
func (d *Deployer) Files() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files
}

// Uncached is how many deployments were to be built anew.
func (d *Deployer) Uncached() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.uncached
}

// Start implements api.Deployer.
func (d *Deployer) Start(ctx context.Context, r deploy.Request) (platform.Deployment, error) {
	svc, err := d.db.UpdateService(ctx, r.Service, func(s *platform.Service) error {
		if r.Change == nil {
			return nil
		}
		return r.Change(&s.Config)
	})
	if err != nil {
		return platform.Deployment{}, err
	}
	dep := platform.Deployment{Service: svc.ID, Name: svc.Name, Trigger: r.Trigger, Config: svc.Config, URL: URL(svc)}
	if err := d.origin(ctx, r, &dep); err != nil {
		return dep, err
	}
	if dep, err = d.db.CreateDeployment(ctx, dep, platform.Event{Kind: platform.EventAccepted, Message: "accepted"}); err != nil {
		return dep, err
	}
	running, cancel := context.WithCancel(d.ctx)
	d.mu.Lock()
	if r.NoCache {
		d.uncached++
	}
	d.building[dep.ID] = cancel
	d.mu.Unlock()
	d.wg.Go(func() {
		defer cancel()
		// The test that stops the deployer may take the records away first.
		if err := d.carry(running, dep, r); err != nil && d.ctx.Err() == nil {
			panic(err)
		}
	})
	return dep, nil
}

func (d *Deployer) origin(ctx context.Context, r deploy.Request, dep *platform.Deployment) error {
	switch {
	case r.Source != nil:
		dep.Source = r.Source.Describe()
	case r.Image != "":
		dep.Source = platform.Source{Kind: platform.FromImage, Image: r.Image}
	default:
		from, err := d.db.Deployment(ctx, r.From)
		if err != nil {
			return err
		}
		dep.Source = platform.Source{Kind: platform.FromDeployment, Deployment: from.ID}
		if r.Restore {
			dep.Config = from.Config
		}
	}
	return nil
}

// carry takes a deployment through its phases.
func (d *Deployer) carry(ctx context.Context, dep platform.Deployment, r deploy.Request) error {
	if r.From == "" {
		var err error
		if dep, err = d.build(ctx, dep, r); err != nil || dep.Status.Settled() {
			return err
		}
	}
	d.mu.Lock()
	delete(d.building, dep.ID)
	d.mu.Unlock()
	return d.rollOut(dep)
}

func (d *Deployer) build(ctx context.Context, dep platform.Deployment, r deploy.Request) (platform.Deployment, error) {
	dep, err := d.db.Advance(d.ctx, dep.ID, dep.Status, platform.StartBuild, nil)
	if err != nil {
		return dep, err
	}
	log, err := logs.Create(filepath.Join(d.logDir, "builds", dep.ID+".log"), logs.Options{})
	if err != nil {
		return dep, err
	}
	kind := platform.EventBuild
	if r.Image != "" {
		kind = platform.EventPullingImage
	}
	d.publish(dep, kind, "RUNNING", "")
	err = errors.Join(log.Append(logs.Step, "obtain the image"), log.Append(logs.Out, "working on it"), d.look(r.Source), d.pull(ctx, r.Image), log.End())
	if c, ok := r.Source.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	var failure *platform.Failure
	switch {
	case errors.Is(err, context.Canceled):
		return d.end(dep, platform.Cancel, platform.EventCanceled, nil)
	case errors.As(err, &failure):
		return d.end(dep, platform.Fail, platform.EventFailed, failure)
	case err != nil:
		return dep, err
	}
	d.publish(dep, platform.EventBuild, "FINISHED", "built")
	return dep, nil
}

// look remembers what is in an upload.
func (d *Deployer) look(s deploy.Source) error {
	if s == nil {
		return nil
	}
	dir, err := s.Checkout(d.ctx)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range entries {
		d.files = append(d.files, e.Name())
	}
	return err
}

func (d *Deployer) pull(ctx context.Context, image string) error {
	switch {
	case strings.HasPrefix(image, "broken"):
		return &platform.Failure{Reason: platform.ImagePullFailed, Message: "there is no image " + image, Hint: "check its name and tag."}
	case strings.HasPrefix(image, "slow"):
		select {
		case <-d.release:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *Deployer) rollOut(dep platform.Deployment) error {
	unhealthy := strings.HasPrefix(dep.Source.Image, "unhealthy")
	dep, err := d.db.Advance(d.ctx, dep.ID, dep.Status, platform.StartRollout, func(next *platform.Deployment) {
		next.Image = platform.Image{Ref: dep.ID, Digest: "sha256:0"}
	})
	if err != nil {
		return err
	}
	d.publish(dep, platform.EventStarting, "", "starting")
	if dep, err = d.db.Advance(d.ctx, dep.ID, dep.Status, platform.StartCheck, nil); err != nil {
		return err
	}
	d.publish(dep, platform.EventStatus, string(dep.Status), "")
	if strings.HasPrefix(dep.Source.Image, "lingering") {
		select {
		case <-d.release:
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
	if unhealthy {
		_, err = d.end(dep, platform.Fail, platform.EventFailed, &platform.Failure{
			Reason: platform.HealthCheckFailed, Message: "GET /healthz answered 500.", Hint: "mend it and deploy again.", Tail: []string{"panic: no database"},
		})
		return err
	}
	svc, err := d.db.Service(d.ctx, dep.Service)
	if err != nil {
		return err
	}
	d.publish(dep, platform.EventHealthy, "", "healthy")
	if _, err := d.db.UpdateService(d.ctx, svc.ID, func(s *platform.Service) error { s.Suspended = false; return nil }); err != nil {
		return err
	}
	_, err = d.db.Promote(d.ctx, dep.ID, svc.Live, platform.Event{Kind: platform.EventLive, Status: "live", Message: "live at " + dep.URL})
	return err
}

func (d *Deployer) end(dep platform.Deployment, move platform.Move, kind string, f *platform.Failure) (platform.Deployment, error) {
	dep, err := d.db.Advance(d.ctx, dep.ID, dep.Status, move, func(next *platform.Deployment) {
		if f != nil {
			next.Reason, next.Message, next.Hint, next.Tail = f.Reason, f.Message, f.Hint, f.Tail
		}
	}, platform.Event{Kind: kind, Message: message(f)})
	return dep, err
}

func message(f *platform.Failure) string {
	if f == nil {
		return ""
	}
	return f.Message
}

func (d *Deployer) publish(dep platform.Deployment, kind, status, message string) {
	e := platform.Event{Service: dep.Service, Deployment: dep.ID, Kind: kind, Status: status, Message: message}
	if _, err := d.db.Publish(d.ctx, e); err != nil && d.ctx.Err() == nil {
		panic(err)
	}
}

// Cancel implements api.Deployer.
func (d *Deployer) Cancel(ctx context.Context, id string) error {
	dep, err := d.db.Deployment(ctx, id)
	if err != nil {
		return err
	}
	d.mu.Lock()
	cancel := d.building[id]
	d.mu.Unlock()
	if cancel == nil || dep.Status.Settled() {
		return platform.MoveError{From: dep.Status, Move: platform.Cancel}
	}
	cancel()
	_, err = d.settled(ctx, id)
	return err
}

// Configure implements api.Deployer.
func (d *Deployer) Configure(ctx context.Context, service string, t platform.Trigger, change func(*platform.Config) error) (platform.Deployment, bool, error) {
	svc, err := d.db.Service(ctx, service)
	if err != nil {
		return platform.Deployment{}, false, err
	}
	if svc.Live == "" || svc.Suspended {
		_, err := d.db.UpdateService(ctx, service, func(s *platform.Service) error { return change(&s.Config) })
		return platform.Deployment{}, false, err
	}
	dep, err := d.Start(ctx, deploy.Request{Service: service, Trigger: t, From: svc.Live, Change: change})
	return dep, err == nil, err
}

// Suspend implements api.Deployer.
func (d *Deployer) Suspend(ctx context.Context, service string) error {
	_, err := d.db.UpdateService(ctx, service, func(s *platform.Service) error { s.Suspended = true; return nil })
	return err
}

// Withdraw implements api.Deployer.
func (d *Deployer) Withdraw(ctx context.Context, service string) error {
	svc, err := d.db.Service(ctx, service)
	if err != nil {
		return err
	}
	if err := d.refuseShared(ctx, svc); err != nil {
		return err
	}
	if svc.Live != "" {
		if _, err := d.db.Advance(ctx, svc.Live, platform.Live, platform.Retire, nil); err != nil {
			return err
		}
	}
	return d.db.DeleteService(ctx, service)
}

// refuseShared keeps a service that has a host of which another has paths.
func (d *Deployer) refuseShared(ctx context.Context, svc platform.Service) error {
	all, err := d.db.Domains(ctx, svc.Account)
	for _, x := range all {
		for _, part := range all {
			host, prefix := platform.SplitDomain(part.Name)
			if x.Service == svc.ID && part.Service != svc.ID && prefix != "" && host == x.Name {
				return fmt.Errorf("%w: %s leads to service %s", platform.ErrConflict, part.Name, part.ServiceName)
			}
		}
	}
	return err
}

// Spherelets implements api.Runtime.
func (d *Deployer) Spherelets(deployment string) []platform.Spherelet {
	return []platform.Spherelet{{ID: "sph_1", Deployment: deployment, State: platform.Running}}
}

// Use implements api.Runtime: half a second of CPU more each time.
func (d *Deployer) Use(string) (platform.Use, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used += 500 * time.Millisecond
	return platform.Use{CPU: d.used, Memory: 64 << 20, MemoryLimit: 512 << 20}, nil
}

// Exec implements api.Commands: cat copies its input, false fails, anything else is printed.
func (d *Deployer) Exec(ctx context.Context, _ string, c api.Command) (int, error) {
	switch c.Args[0] {
	case "cat":
		_, err := io.Copy(c.Out, c.In)
		return 0, err
	case "false":
		_, err := io.WriteString(c.Errs, "no\n")
		return 1, err
	case "size":
		select {
		case size := <-c.Sizes:
			_, err := fmt.Fprintf(c.Out, "%v %s %dx%d %dx%d", c.TTY, c.Term, c.Size.Width, c.Size.Height, size.Width, size.Height)
			return 7, err
		case <-ctx.Done():
			return -1, context.Cause(ctx)
		}
	case "linger":
		if _, err := io.WriteString(c.Out, "lingering"); err != nil {
			return -1, err
		}
		<-ctx.Done()
		close(d.killed)
		return -1, context.Cause(ctx)
	}
	_, err := io.WriteString(c.Out, strings.Join(c.Args, " ")+"\n")
	return 0, err
}

// AwaitKilled waits until the command linger has been killed.
func (d *Deployer) AwaitKilled(t testing.TB) {
	t.Helper()
	select {
	case <-d.killed:
	case <-time.After(10 * time.Second):
		t.Fatal("the command goes on")
	}
}

// RunOnce implements api.Commands, as Exec does.
func (d *Deployer) RunOnce(ctx context.Context, _ string, command []string, out io.Writer) (int, error) {
	return d.Exec(ctx, "", api.Command{Args: command, In: strings.NewReader(""), Out: out, Errs: out})
}

// RunAttached implements api.Commands, as Exec does.
func (d *Deployer) RunAttached(ctx context.Context, service string, c api.Command) (int, error) {
	if c.Args[0] == "where" {
		_, err := io.WriteString(c.Out, "alone, with the image of "+service)
		return 0, err
	}
	return d.Exec(ctx, "", c)
}

// Settled waits until a deployment has settled and returns it.
func (d *Deployer) Settled(t testing.TB, id string) platform.Deployment {
	t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, 10*time.Second)
	defer cancel()
	dep, err := d.settled(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return dep
}

func (d *Deployer) settled(ctx context.Context, id string) (platform.Deployment, error) {
	for e, err := range d.db.Subscribe(ctx, store.Filter{Deployment: id, Live: true}) {
		if err != nil {
			return platform.Deployment{}, err
		}
		if e.Settles() {
			break
		}
	}
	return d.db.Deployment(ctx, id)
}
