package containerd

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"csph/platform"
)

// Holders lists the spherelets that have a volume and a process, by id; those of commands that are run once, too.
func (e *Engine) Holders(ctx context.Context, volume string) ([]string, error) {
	if !fileName(volume) {
		return nil, fmt.Errorf("%w: %q is no volume", platform.ErrInvalid, volume)
	}
	all, err := e.ctrd.ContainerService().List(ctx, fmt.Sprintf("labels.%q", labelVolume+volume))
	if err != nil {
		return nil, fmt.Errorf("list what has volume %s: %w", volume, err)
	}
	var running []string
	for _, c := range all {
		_, err := e.runningTask(ctx, c.ID)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for the process of %s: %w", c.ID, err)
		}
		running = append(running, c.ID)
	}
	slices.Sort(running)
	return running, nil
}

// Freeze stops the processes of a spherelet where they stand, until Thaw: they lose nothing and notice nothing but the
// time. A csphd that ends meanwhile leaves them frozen; the next one's Recover thaws them. ErrNotFound when the
// spherelet does not run.
func (e *Engine) Freeze(ctx context.Context, spherelet string) error {
	task, err := e.runningTask(ctx, spherelet)
	if err == nil {
		err = task.Pause(ctx)
	}
	if errdefs.IsNotFound(err) || errdefs.IsFailedPrecondition(err) {
		return fmt.Errorf("%w: spherelet %s does not run", platform.ErrNotFound, spherelet)
	}
	if err != nil {
		return fmt.Errorf("freeze %s: %w", spherelet, err)
	}
	return nil
}

// Thaw lets a frozen spherelet go on. One that does not run, or is not frozen, is no error.
func (e *Engine) Thaw(ctx context.Context, spherelet string) error {
	task, err := e.runningTask(ctx, spherelet)
	var status client.Status
	if err == nil {
		status, err = task.Status(ctx)
	}
	if err == nil && status.Status == client.Paused {
		err = task.Resume(ctx)
	}
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsFailedPrecondition(err) {
		return fmt.Errorf("thaw %s: %w", spherelet, err)
	}
	return nil
}
