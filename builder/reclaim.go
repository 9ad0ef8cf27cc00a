package builder

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/buildkit/client"
)

const cgroupTimeout = 5 * time.Second

// noteCanceled asks reclaim to run.
func (b *Builder) noteCanceled() {
	select {
	case b.canceled <- struct{}{}:
	default:
	}
}

// reclaim gets back the disk of cancelled builds: buildkitd holds a cancelled step's mounts for as long
// as it runs, and drops those of steps that never succeeded when it starts. So it is restarted, once no build has
// run for a while.
func (b *Builder) reclaim(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.canceled:
		}
		if err := b.reclaimOnce(ctx); err != nil && ctx.Err() == nil {
			b.config.Logger.Error("the disk of cancelled builds is not free yet", "err", err)
			b.noteCanceled()
			pause(ctx, b.config.IdleRestart)
		}
	}
}

func (b *Builder) reclaimOnce(ctx context.Context) error {
	if err := b.gate.shut(ctx, b.config.IdleRestart); err != nil {
		return err
	}
	defer b.gate.open()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	if err := b.daemon.Restart(ctx); err != nil {
		return err
	}
	b.config.Logger.Info("restarted buildkitd after cancelled builds", "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// prune drops the records of BuildKit's cache that match filters and are not in use, and returns their size.
func (b *Builder) prune(ctx context.Context, filters ...string) (freed int64, err error) {
	return b.pruneWith(ctx, client.PruneAll, client.WithFilter(filters))
}

// pruneOlder drops the records of BuildKit's cache that have not been used for keep and are not in use now.
func (b *Builder) pruneOlder(ctx context.Context, keep time.Duration) (freed int64, err error) {
	return b.pruneWith(ctx, client.PruneAll, client.WithKeepOpt(keep, 0, 0, 0))
}

func (b *Builder) pruneWith(ctx context.Context, options ...client.PruneOption) (freed int64, err error) {
	c, err := b.buildkit(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	records := make(chan client.UsageInfo)
	summed := make(chan int64)
	go func() {
		var sum int64
		for r := range records {
			sum += r.Size
		}
		summed <- sum
	}()
	err = c.Prune(ctx, records, options...)
	close(records)
	freed = <-summed
	if err != nil {
		return freed, fmt.Errorf("prune the build cache: %w", err)
	}
	return freed, nil
}
