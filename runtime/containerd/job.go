package containerd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"

	"csph/host"
	"csph/platform"
)

// Labels of every container of ours. BuildKit's containers, in the same namespace, have none of them.
const (
	labelDeployment = "csph.deployment"
	labelService    = "csph.service"
	labelProject    = "csph.project"
	labelInstance   = "csph.instance"
	labelAddress    = "csph.address"
	labelGrace      = "csph.grace"     // as time.Duration prints it
	labelOnce       = "csph.once"      // "true": a command that is run once, not supervised
	labelExits      = "csph.exits"     // how often the process has ended by itself
	labelLastExit   = "csph.last_exit" // platform.Exit as JSON
	labelVolume     = "csph.volume."   // followed by the id of a volume: where it is mounted
)

// leasePrefix begins the names of our leases in containerd.
const leasePrefix = "csph-"

const runcRuntime = "io.containerd.runc.v2"

// job is one container of a set: its identity, and how to make, start, stop and remove it. Its fields do not
// change. A job knows nothing of supervision.
type job struct {
	e      *Engine
	set    platform.Set
	id     string
	net    host.Network
	addr   netip.Addr
	single bool // a command that is run once, not supervised
	// attached is the command when somebody talks to it; nil otherwise.
	attached *Command
}

func (j *job) labels() map[string]string {
	labels := map[string]string{
		labelDeployment: j.set.Deployment, labelService: j.set.Service, labelProject: j.set.Project,
		labelInstance: j.e.inst.ID, labelAddress: j.addr.String(), labelGrace: j.set.Grace.String(),
	}
	if j.single {
		labels[labelOnce] = strconv.FormatBool(true)
	}
	for _, m := range j.set.Mounts {
		labels[labelVolume+m.Volume] = m.Path
	}
	return labels
}

// container loads the job's container, or makes it.
func (j *job) container(ctx context.Context) (client.Container, error) {
	c, err := j.e.ctrd.LoadContainer(ctx, j.id)
	if err == nil {
		return c, nil
	}
	if !errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("look for container %s: %w", j.id, err)
	}
	return j.create(ctx)
}

// create makes the container. What it is made of is held by a lease of the job's own until the container
// refers to it. The lease goes with letGo, once the process runs: nobody waits for it. Recover drops the leases
// of attempts that were cut short.
func (j *job) create(ctx context.Context) (client.Container, error) {
	img, err := j.e.image(ctx, j.set.Image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(j.writeFiles(), j.writeLaunch()); err != nil {
		return nil, err
	}
	if err := j.hold(ctx); err != nil {
		return nil, err
	}
	c, err := j.e.ctrd.NewContainer(leases.WithLease(ctx, leasePrefix+j.id), j.id,
		client.WithImage(img), client.WithSnapshotter(snapshotter), j.withFileSystem(img),
		client.WithNewSpec(j.specOpts(img)...),
		client.WithRuntime(runcRuntime, &runcoptions.Options{BinaryName: j.e.cfg.bin("runc")}),
		client.WithContainerLabels(j.labels()),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make container %s: %w", j.id, err), j.letGo(ctx))
	}
	return c, nil
}

// hold makes the job's lease.
func (j *job) hold(ctx context.Context) error {
	_, err := j.e.ctrd.LeasesService().Create(ctx, leases.WithID(leasePrefix+j.id), leases.WithExpiration(time.Hour))
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return fmt.Errorf("hold what container %s is made of: %w", j.id, err)
	}
	return nil
}

// letGo deletes the job's lease, if there is one: its container refers to all that it held.
func (j *job) letGo(ctx context.Context) error {
	err := j.e.ctrd.LeasesService().Delete(ctx, leases.Lease{ID: leasePrefix + j.id})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("let go of what container %s is made of: %w", j.id, err)
	}
	return nil
}

// withFileSystem makes the container's root file system: a layer of its own on those of the image, whose
// owners are shifted into its range of ids by the mount, without copying anything.
func (j *job) withFileSystem(img client.Image) client.NewContainerOpts {
	return func(ctx context.Context, ctrd *client.Client, c *containers.Container) error {
		snap := ctrd.SnapshotService(snapshotter)
		if err := snap.Remove(ctx, j.id); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove the file system of an earlier attempt: %w", err)
		}
		var opts []snapshots.Opt
		if j.e.remap {
			opts = append(opts, client.WithUserNSRemapperLabels(j.idMap(), j.idMap()))
		}
		if err := client.WithNewSnapshot(j.id, img, opts...)(ctx, ctrd, c); err != nil {
			return fmt.Errorf("make the file system: %w", err)
		}
		mounts, err := snap.Mounts(ctx, j.id)
		if err != nil {
			return fmt.Errorf("look at the file system: %w", err)
		}
		for _, m := range mounts {
			if err := j.addTmp(m.Options); err != nil {
				return err
			}
		}
		return nil
	}
}

// startTimeout bounds a start: those of ten spherelets at once take a second.
const startTimeout = 2 * time.Minute

// start makes a task of the container and starts it: when it returns without an error the process runs and
// has its address. After an error nothing of the task is left. The end of ctx is heeded between the steps; a
// step is never cut short, since containerd would finish it after we had looked for what to clean up.
func (j *job) start(ctx context.Context, output cio.Creator) (client.Task, error) {
	steps, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	c, err := j.container(steps)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	task, err := j.newTask(steps, c, output)
	if err != nil {
		return nil, err
	}
	if err = context.Cause(ctx); err == nil {
		err = j.e.inst.Attach(j.net, j.addr, int(task.Pid()))
	}
	if err == nil {
		err = j.limitCPU(j.startCPU())
	}
	if err == nil {
		err = task.Start(steps)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", j.id, err), discard(steps, task))
	}
	return task, nil
}

// newTask makes the task, clearing away one that an earlier attempt left.
func (j *job) newTask(ctx context.Context, c client.Container, output cio.Creator) (client.Task, error) {
	opts := []client.NewTaskOpts{
		client.WithShimCgroup(j.e.inst.DaemonCgroup("shims").Path()),
		client.WithUIDOwner(uint32(j.rootID())), client.WithGIDOwner(uint32(j.rootID())),
	}
	task, err := c.NewTask(ctx, output, opts...)
	if errdefs.IsAlreadyExists(err) {
		if err := j.discardOld(ctx, c); err != nil {
			return nil, err
		}
		task, err = c.NewTask(ctx, output, opts...)
	}
	if err != nil {
		return nil, fmt.Errorf("make task %s: %w", j.id, err)
	}
	return task, nil
}

// discardOld removes the task that an earlier attempt left, if it is still there.
func (j *job) discardOld(ctx context.Context, c client.Container) error {
	old, err := c.Task(ctx, nil)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = discard(ctx, old)
	}
	if err != nil {
		return fmt.Errorf("clear away the earlier task %s: %w", j.id, err)
	}
	return nil
}

// stop ends the task's process: SIGTERM, and SIGKILL for whatever is left after grace. The task is deleted.
func (j *job) stop(ctx context.Context, task client.Task, grace time.Duration) error {
	exited, err := task.Wait(ctx)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", j.id, err)
	}
	if err := task.Kill(ctx, syscall.SIGTERM); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsFailedPrecondition(err) {
		return fmt.Errorf("ask %s to end: %w", j.id, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("wait for %s to end: %w", j.id, context.Cause(ctx))
	}
	return discard(ctx, task)
}

// discard kills what is left of the task and deletes it.
func discard(ctx context.Context, task client.Task) error {
	_, err := task.Delete(ctx, client.WithProcessKill)
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("delete task %s: %w", task.ID(), err)
	}
	return nil
}

// remove removes everything of the job but its log and address, whatever is there of it; a process that runs
// has grace to end. Removing what is not there is no error.
func (j *job) remove(ctx context.Context, grace time.Duration) error {
	c, err := j.e.ctrd.LoadContainer(ctx, j.id)
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("look for container %s: %w", j.id, err)
	}
	if err == nil {
		if err := j.removeContainer(ctx, c, grace); err != nil {
			return err
		}
	}
	snap := j.e.ctrd.SnapshotService(snapshotter)
	if err := snap.Remove(ctx, j.id); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove the file system of %s: %w", j.id, err)
	}
	group := j.e.inst.AppCgroup(j.id)
	return errors.Join(group.Kill(ctx), group.Remove(ctx), j.removeFiles(), j.letGo(ctx))
}

func (j *job) removeContainer(ctx context.Context, c client.Container, grace time.Duration) error {
	task, err := c.Task(ctx, nil)
	if err == nil {
		err = j.stop(ctx, task, grace)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	if err := c.Delete(ctx, client.WithSnapshotCleanup); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("delete container %s: %w", j.id, err)
	}
	return nil
}

// address is where the process listens.
func (j *job) address() netip.AddrPort { return netip.AddrPortFrom(j.addr, uint16(j.set.Port)) }

// logPath is where the output of a spherelet goes.
func (c Config) logPath(deployment, spherelet string) string {
	return filepath.Join(c.Instance.Dir, "logs", "spherelets", deployment, spherelet+".log")
}

// logger has the shim start csph-log for the output; hidden is where that finds what the log may not have.
func (j *job) logger(hidden string) cio.Creator {
	return func(id string) (cio.IO, error) {
		args := map[string]string{
			"dir": filepath.Dir(j.e.cfg.logPath(j.set.Deployment, id)),
			"max": strconv.FormatInt(j.e.cfg.LogBytes, 10), "keep": strconv.Itoa(j.e.cfg.LogKeep),
		}
		if hidden != "" {
			args["hide"] = hidden
		}
		uri, err := cio.LogURIGenerator("binary-v2", j.e.cfg.bin("csph-log"), args)
		if err != nil {
			return nil, fmt.Errorf("name the logger: %w", err)
		}
		return cio.LogURI(uri)(id)
	}
}

// cleanup is the context of what must be done although ctx may have ended.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
