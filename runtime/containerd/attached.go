package containerd

import (
	"context"
	"errors"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"csph/platform"
)

// RunAttached is RunOnce for a command that is talked to: it reads its input as it comes, and has a terminal where it
// wants one.
func (e *Engine) RunAttached(ctx context.Context, set platform.Set, cmd Command) (exit int, err error) {
	set.Command = cmd.Args
	return e.alone(ctx, job{set: set, attached: &cmd}, func(j *job) (int, error) { return j.runAttached(ctx, cmd) })
}

func (j *job) runAttached(ctx context.Context, cmd Command) (int, error) {
	inputEnd := cmd.tellEnd()
	task, err := j.start(ctx, j.e.streams(cmd))
	if err != nil {
		return -1, notStarted(err)
	}
	exited, err := task.Wait(ctx)
	exit := -1
	if err == nil {
		exit, err = follow(ctx, task, exited, cmd, inputEnd)
	}
	oom := err == nil && j.wasOOM(ctx, exit)
	end, cancel := cleanup(ctx)
	defer cancel()
	if err = errors.Join(err, discard(end, task)); oom {
		err = j.outOfMemory(err)
	}
	return exit, err
}

// attach gives the process of a job that is attached to somebody what its command asks for.
func (j *job) attach(p *specs.Process) {
	if j.attached == nil {
		return
	}
	p.Env = slices.Concat(p.Env, j.attached.Env)
	j.attached.terminal(p)
}
