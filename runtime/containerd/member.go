package containerd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"csph/logs"
	"csph/platform"
	"csph/runtime"
)

// member supervises one spherelet: it starts it, starts it again when it ends, and removes it when told to.
// Everything below done belongs to the goroutine of run, which Engine.Run owns.
type member struct {
	job
	of *set

	ends  sync.Once
	grace time.Duration // set before ended is closed
	ended chan struct{} // closed by end
	found chan struct{} // closed when it is known whether there was a process to take over
	done  chan struct{} // closed when run has returned

	backoff  runtime.Backoff
	exits    int
	lastExit *platform.Exit
	started  time.Time
}

func newMember(j job, of *set) *member {
	return &member{job: j, of: of, ended: make(chan struct{}), found: make(chan struct{}), done: make(chan struct{})}
}

// end tells the member to stop the spherelet and remove it. Only the first call counts.
func (m *member) end(grace time.Duration) {
	m.ends.Do(func() {
		m.grace = grace
		close(m.ended)
	})
}

func (m *member) ending() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

func (m *member) publish(state platform.SphereletState) {
	m.e.hub.publish(platform.Spherelet{
		ID: m.id, Deployment: m.set.Deployment, Service: m.set.Service, State: state, Address: m.address(),
		Exits: m.exits, LastExit: m.lastExit, Started: m.started,
	})
}

// run returns when ctx ends, leaving the spherelet as it is, or when the spherelet has been removed.
func (m *member) run(ctx context.Context) {
	defer close(m.done)
	working, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		select {
		case <-m.ended:
		case <-working.Done():
		}
	}()
	m.supervise(working)
	stop()
	if ctx.Err() == nil {
		m.removeSelf(ctx)
	}
}

// supervise keeps the process running until ctx ends.
func (m *member) supervise(ctx context.Context) {
	task := m.adopt(ctx)
	if task != nil {
		m.started = m.startTime()
		m.publish(platform.Running)
	}
	close(m.found)
	for ctx.Err() == nil {
		if task == nil {
			task = m.tryStart(ctx)
		}
		if task != nil {
			m.publish(platform.Running)
			calmed := m.calm()
			if err := m.letGo(ctx); err != nil && ctx.Err() == nil {
				m.e.cfg.Logger.Warn("a spherelet's lease stays until the next start", "spherelet", m.id, "err", err)
			}
			m.awaitExit(ctx, task)
			calmed()
			task = nil
		}
		if ctx.Err() != nil {
			return
		}
		m.publish(platform.BackOff)
		pause(ctx, m.backoff.Next(m.ranFor()))
	}
}

// startTime is when the process that runs was made, which the file in its bundle tells.
func (m *member) startTime() time.Time {
	st, err := os.Stat(m.e.cfg.dir("run", "io.containerd.runtime.v2.task", Namespace, m.id, "init.pid"))
	if err != nil {
		return time.Now()
	}
	return st.ModTime()
}

// ranFor is how long the last process ran; 0 when it did not start.
func (m *member) ranFor() time.Duration {
	if m.started.IsZero() || m.lastExit == nil || m.lastExit.Error != "" {
		return 0
	}
	return m.lastExit.At.Sub(m.started)
}

// startLogged starts the process, its output going to csph-log.
func (m *member) startLogged(ctx context.Context) (client.Task, error) {
	hidden, release, err := m.hidden()
	if err != nil {
		return nil, err
	}
	defer release() // csph-log has read it when the task is there
	return m.start(ctx, m.logger(hidden))
}

// tryStart starts the process, and records why it could not be.
func (m *member) tryStart(ctx context.Context) client.Task {
	select {
	case m.e.starting <- struct{}{}:
		defer func() { <-m.e.starting }()
	case <-ctx.Done():
		return nil
	}
	m.publish(platform.Starting)
	task, err := m.startLogged(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		m.e.cfg.Logger.Warn("a spherelet was not started", "spherelet", m.id, "deployment", m.set.Deployment, "err", err)
		m.record(ctx, platform.Exit{Code: unknownCode, Error: explain(err), At: time.Now()})
		return nil
	}
	m.started = time.Now()
	return task
}

// awaitExit returns when the process has ended and its end is recorded, or ctx ends. A containerd that dies
// meanwhile does not matter: the process goes on, and so does the waiting once there is a new one.
func (m *member) awaitExit(ctx context.Context, task client.Task) {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		status, err := exitOf(ctx, task)
		if err == nil {
			m.settleExit(ctx, task, status)
			return
		}
		if errdefs.IsNotFound(err) {
			// It ended while containerd was dead: the new one throws such tasks away with their exit codes.
			m.record(ctx, platform.Exit{Code: unknownCode, At: time.Now()})
			return
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// exitOf waits for the task to end.
func exitOf(ctx context.Context, task client.Task) (client.ExitStatus, error) {
	exited, err := task.Wait(ctx)
	if err != nil {
		return client.ExitStatus{}, err
	}
	status := <-exited
	return status, errgrpc.ToNative(status.Error())
}

// settleExit records an exit and deletes the task.
func (m *member) settleExit(ctx context.Context, task client.Task, status client.ExitStatus) {
	exit := platform.Exit{Code: int(status.ExitCode()), OOM: m.wasOOM(ctx, int(status.ExitCode())), At: status.ExitTime()}
	m.record(ctx, exit)
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := discard(ctx, task)
		if err == nil {
			return
		}
		m.e.cfg.Logger.Warn("a task was not deleted", "spherelet", m.id, "err", err)
		if !pause(ctx, wait) {
			return
		}
	}
}

// record counts an end of the process, and writes it down where the next csphd finds it.
func (m *member) record(ctx context.Context, exit platform.Exit) {
	m.exits++
	m.lastExit = &exit
	if err := m.saveExits(ctx); err != nil && ctx.Err() == nil {
		m.e.cfg.Logger.Warn("an exit was not written down", "spherelet", m.id, "err", err)
	}
}

// removeSelf removes the spherelet, trying until it is done or ctx ends: what is left then, the next Recover removes.
func (m *member) removeSelf(ctx context.Context) {
	m.publish(platform.Stopping)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := m.removeWithin(ctx)
		if err == nil {
			break
		}
		m.e.cfg.Logger.Warn("a spherelet was not removed; trying again", "spherelet", m.id, "err", err)
		if !pause(ctx, wait) {
			return
		}
	}
	if err := m.endLog(); err != nil {
		m.e.cfg.Logger.Warn("a log was not ended", "spherelet", m.id, "err", err)
	}
	m.e.dismiss(m)
}

// removeWithin bounds one attempt, so that a containerd that hangs does not hang it for good.
func (m *member) removeWithin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.grace+time.Minute)
	defer cancel()
	return m.remove(ctx, m.grace)
}

// endLog tells the followers of the log that nothing more will come.
func (m *member) endLog() error {
	w, err := logs.Create(m.e.cfg.logPath(m.set.Deployment, m.id), logs.Options{})
	if err != nil {
		return err
	}
	return errors.Join(w.End(), w.Close())
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// adopt takes over the task of an earlier csphd, if there is one that runs or has ended unseen. One that was
// made and never started is thrown away.
func (m *member) adopt(ctx context.Context) client.Task {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		task, err := m.findTask(ctx)
		if err == nil || ctx.Err() != nil {
			return task
		}
		m.e.cfg.Logger.Warn("a spherelet's task was not found out about", "spherelet", m.id, "err", err)
		if !pause(ctx, wait) {
			return nil
		}
	}
}

func (m *member) findTask(ctx context.Context) (client.Task, error) {
	c, err := m.e.ctrd.LoadContainer(ctx, m.id)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for container %s: %w", m.id, err)
	}
	task, err := c.Task(ctx, nil)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for task %s: %w", m.id, err)
	}
	status, err := task.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the state of task %s: %w", m.id, err)
	}
	switch status.Status {
	case client.Created:
		return nil, discard(ctx, task)
	case client.Paused: // by a csphd that was ended before it let it go on
		if err := task.Resume(ctx); err != nil {
			return nil, fmt.Errorf("thaw task %s: %w", m.id, err)
		}
	}
	return task, nil
}
