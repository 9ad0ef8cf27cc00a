package volumes

import (
	"context"
	"fmt"
	"time"

	"csph/platform"
)

// measureEvery is how often it is looked at how much is in the volumes.
const measureEvery = 10 * time.Minute

// Sweep finishes what an earlier csphd was in the middle of: what the records know is there when it returns, and the rest
// is what Run removes. Call it once, before spherelets are started.
func (k *Keeper) Sweep(ctx context.Context) error {
	if err := k.folders.prepare(); err != nil {
		return err
	}
	known, err := k.known(ctx)
	if err != nil {
		return err
	}
	shown, hidden, err := k.folders.names()
	if err != nil {
		return err
	}
	for _, id := range hidden {
		if !known[id] {
			k.old = append(k.old, id)
			continue
		}
		if err := k.folders.show(id); err != nil {
			return err
		}
		shown = append(shown, id)
	}
	for _, id := range shown {
		if !known[id] {
			k.log.Warn("a folder of volumes has no record: it is left alone", "folder", k.folders.shown(id))
		}
		delete(known, id)
	}
	for id := range known {
		k.log.Error("a volume or snapshot has no folder: bring it back from a backup, or delete it", "folder", k.folders.shown(id))
	}
	return nil
}

// known are the ids on record.
func (k *Keeper) known(ctx context.Context) (map[string]bool, error) {
	all, err := k.records.Volumes(ctx, "")
	if err != nil {
		return nil, err
	}
	snapshots, err := k.records.Snapshots(ctx, "")
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, v := range all {
		known[v.ID] = true
	}
	for _, s := range snapshots {
		known[s.ID] = true
	}
	return known, nil
}

// Run removes what was left to be removed, and measures the volumes again and again, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for _, id := range k.old {
		if err := k.folders.remove(id); err != nil {
			k.log.Warn("a folder that nothing refers to cannot be removed", "err", err)
		}
	}
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		if err := k.measureAll(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("volumes cannot be measured", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *Keeper) measureAll(ctx context.Context) error {
	all, err := k.records.Volumes(ctx, "")
	if err != nil {
		return err
	}
	for _, v := range all {
		if _, err := k.Measure(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// Measure looks at how much is in a volume, and returns it with that noted. It visits every file. A volume that has
// grown beyond its size is told of once.
func (k *Keeper) Measure(ctx context.Context, v platform.Volume) (platform.Volume, error) {
	bytes, err := k.folders.size(ctx, v.ID)
	if err != nil || bytes == v.UsedBytes {
		return v, err
	}
	before := v.UsedBytes
	v.UsedBytes = bytes
	if err := k.records.MeasuredVolume(ctx, v.ID, bytes); err != nil {
		return v, err
	}
	if limit := v.SizeMB << 20; before <= limit && bytes > limit {
		k.tellAll(v, fmt.Sprintf("volume %s has %d MB in it and a size of %d: it counts for what is in it; csph volumes resize %s --size-mb N, or delete files", v.Name, bytes>>20, v.SizeMB, v.Name))
	}
	return v, nil
}
