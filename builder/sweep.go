package builder

import (
	"context"
	"fmt"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

const sweepTimeout = 20 * time.Second

// sweep removes what an earlier buildkitd left: a killed one orphans the steps it ran. It is called
// whenever a new buildkitd is up and before it gets a build. Containers of the engine carry
// DeploymentLabel; all others in the namespace are steps.
func (b *Builder) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(b.inNamespace(ctx), sweepTimeout)
	defer cancel()
	if err := b.sweepCgroups(ctx); err != nil {
		return err
	}
	if err := b.config.sweepScratch(); err != nil {
		return err
	}
	all, err := b.engine.Containers(ctx)
	if err != nil {
		return fmt.Errorf("list orphaned build steps: %w", err)
	}
	for _, c := range all {
		if err := b.sweepStep(ctx, c); err != nil {
			return fmt.Errorf("remove orphaned build step %s: %w", c.ID(), err)
		}
	}
	return nil
}

// sweepCgroups kills whatever is left in the cgroups of builds, whoever started it.
func (b *Builder) sweepCgroups(ctx context.Context) error {
	builds := b.config.Host.BuildsCgroup()
	names, err := builds.Children()
	if err != nil {
		return fmt.Errorf("list the cgroups of builds: %w", err)
	}
	for _, name := range names {
		if name == "buildkitd" {
			continue
		}
		if err := builds.Child(name).Kill(ctx); err != nil {
			return fmt.Errorf("end orphaned builds: %w", err)
		}
		if err := builds.Child(name).Remove(ctx); err != nil {
			return fmt.Errorf("end orphaned builds: %w", err)
		}
	}
	return nil
}

func (b *Builder) sweepStep(ctx context.Context, c containerd.Container) error {
	known, err := c.Info(ctx, containerd.WithoutRefreshedMetadata)
	if err != nil {
		return err
	}
	if known.Labels[DeploymentLabel] != "" {
		return nil
	}
	task, err := c.Task(ctx, nil)
	if err == nil {
		if err := task.Kill(ctx, syscall.SIGKILL); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsFailedPrecondition(err) {
			return fmt.Errorf("kill: %w", err)
		}
		_, err = task.Delete(ctx, containerd.WithProcessKill)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("delete its task: %w", err)
	}
	if err := c.Delete(ctx); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	b.config.Logger.Info("removed an orphaned build step", "container", c.ID())
	return nil
}
