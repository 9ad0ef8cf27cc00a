package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	goruntime "runtime"
	"sync"
	"syscall"
	"time"
)

// Spec says what to run and how to tell that it is up.
type Spec struct {
	Name    string // for logs and errors
	Path    string
	Args    []string
	Env     []string // complete environment; nil means csphd's own
	LogPath string   // what it prints, in the format of package logs, rotated by size
	PIDFile string   // who runs, so that a later csphd can clear it away

	// Ready returns nil once the child can be used; it is asked every 20 ms from the start on, for at
	// most 30 s, after which the child is killed and started again.
	Ready func(ctx context.Context) error
	// OnStart is called with the pid of each new child before it is waited for, to put it in a cgroup. May be nil.
	OnStart func(pid int) error
	// OnReady is called each time a new child has become ready, before anyone waiting is told. May be nil.
	OnReady func(ctx context.Context) error
	Logger  *slog.Logger
}

const (
	readyEvery   = 20 * time.Millisecond
	readyTimeout = 30 * time.Second
	stopTimeout  = 15 * time.Second
	backoffMin   = 100 * time.Millisecond
	backoffMax   = 10 * time.Second
	stableAfter  = time.Minute // a child that ran this long starts over with the shortest backoff
)

// Process is one supervised child.
type Process struct {
	spec    Spec
	restart chan chan struct{}

	mu    sync.Mutex
	ready chan struct{} // closed while the child is ready; replaced when it is not
	state Status
}

// Status is how a supervised child is doing.
type Status struct {
	PID      int       // 0: none runs
	Ready    bool      // it can be used
	Since    time.Time // the present child was started
	Restarts int       // children that died by themselves
	LastErr  error     // how the last one died
}

// New returns a process that Run will start.
func New(spec Spec) *Process {
	return &Process{spec: spec, restart: make(chan chan struct{}), ready: make(chan struct{})}
}

// Name is what the process is called in logs.
func (p *Process) Name() string { return p.spec.Name }

// PID returns the pid of the present child, 0 when none runs.
func (p *Process) PID() int { return p.Status().PID }

// Status never blocks for long.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state
	select {
	case <-p.ready:
		s.Ready = true
	default:
	}
	return s
}

// WaitReady blocks until the child is ready or ctx ends.
func (p *Process) WaitReady(ctx context.Context) error {
	p.mu.Lock()
	ready := p.ready
	p.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %s to be ready: %w", p.spec.Name, context.Cause(ctx))
	}
}

// Restart stops the child gently, lets Run start a new one, and blocks until that is ready or ctx ends.
func (p *Process) Restart(ctx context.Context) error {
	stopped := make(chan struct{})
	select {
	case p.restart <- stopped:
	case <-ctx.Done():
		return fmt.Errorf("restart %s: %w", p.spec.Name, context.Cause(ctx))
	}
	select {
	case <-stopped:
		return p.WaitReady(ctx)
	case <-ctx.Done():
		return fmt.Errorf("restart %s: %w", p.spec.Name, context.Cause(ctx))
	}
}

// Run keeps the child running until ctx ends, then stops it (SIGTERM, after 15 s SIGKILL) and
// returns once it is gone. It fails only when an earlier child cannot be cleared away.
func (p *Process) Run(ctx context.Context) error {
	// Pdeathsig is tied to the thread that forked: it must live as long as the child does.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	if err := ClearStale(ctx, p.spec.PIDFile); err != nil {
		return fmt.Errorf("clear away an earlier %s: %w", p.spec.Name, err)
	}
	backoff := backoffMin
	for ctx.Err() == nil {
		began := time.Now()
		asked, err := p.runOnce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > stableAfter || asked {
			backoff = backoffMin
		}
		if !asked {
			p.died(err)
			p.spec.Logger.Error("daemon died; starting it again", "daemon", p.spec.Name, "err", err, "after", time.Since(began).Round(time.Millisecond), "in", backoff)
			sleep(ctx, backoff)
			backoff = min(2*backoff, backoffMax)
		}
	}
	return nil
}

// runOnce runs one child to its end; asked reports that Restart ended it.
func (p *Process) runOnce(ctx context.Context) (asked bool, err error) {
	out, err := openOutput(p.spec.LogPath)
	if err != nil {
		return false, err
	}
	defer out.Close()
	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.spec.Env, out, out
	cmd.WaitDelay = time.Second // a shim may have inherited the pipe
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start %s: %w", p.spec.Name, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	defer p.setGone()
	if err := p.started(cmd.Process.Pid); err != nil {
		p.spec.Logger.Warn("daemon started, but not as it should", "daemon", p.spec.Name, "err", err)
	}
	return p.supervise(ctx, cmd, exited)
}

func (p *Process) supervise(ctx context.Context, cmd *exec.Cmd, exited <-chan error) (asked bool, err error) {
	readyCtx, cancel := context.WithTimeout(ctx, readyTimeout)
	ready := make(chan error, 1)
	go func() { ready <- p.becomeReady(readyCtx) }()
	settle := func() { // becomeReady has ended when this returns
		cancel()
		if ready != nil {
			<-ready
			ready = nil
		}
	}
	defer settle()
	for {
		select {
		case err := <-exited:
			return false, exitError(err)
		case err := <-ready:
			ready = nil
			if err != nil && ctx.Err() == nil {
				return false, joinStop(err, stop(cmd, exited))
			}
		case stopped := <-p.restart:
			settle()
			err := stop(cmd, exited)
			p.setGone()
			close(stopped)
			return true, err
		case <-ctx.Done():
			settle()
			return false, stop(cmd, exited)
		}
	}
}

func (p *Process) becomeReady(ctx context.Context) error {
	for {
		err := p.spec.Ready(ctx)
		if err == nil {
			break
		}
		if !sleep(ctx, readyEvery) {
			return fmt.Errorf("%s is not ready: %w", p.spec.Name, err)
		}
	}
	if p.spec.OnReady != nil {
		if err := p.spec.OnReady(ctx); err != nil {
			return fmt.Errorf("make %s ready: %w", p.spec.Name, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.ready)
	return nil
}

func (p *Process) started(pid int) error {
	p.mu.Lock()
	p.state.PID, p.state.Since = pid, time.Now()
	p.mu.Unlock()
	if err := writePID(p.spec.PIDFile, pid); err != nil {
		return err
	}
	if p.spec.OnStart == nil {
		return nil
	}
	return p.spec.OnStart(pid)
}

func (p *Process) died(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Restarts++
	p.state.LastErr = err
}

func (p *Process) setGone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.PID = 0
	select {
	case <-p.ready:
		p.ready = make(chan struct{})
	default:
	}
}
