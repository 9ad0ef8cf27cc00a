package volumes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"csph/platform"
)

// longestFreeze is how long what writes to a volume is stopped for a snapshot. A copy that takes longer goes on while it
// is written to, and is then as after a power cut.
const longestFreeze = 5 * time.Second

// Snapshot keeps what is in a volume. Everything that has it mounted is frozen meanwhile, for five seconds at the most.
// It blocks until the copy is on the disk; when ctx ends first there is none. ErrCapacity when it has no room.
func (k *Keeper) Snapshot(ctx context.Context, v platform.Volume, note string) (s platform.Snapshot, err error) {
	leave, err := k.enter(v.ID, "a snapshot of volume "+v.Name)
	if err != nil {
		return s, err
	}
	defer leave()
	if s, err = k.planned(ctx, v.ID, v.Project); err != nil {
		return s, err
	}
	s.Volume, s.Note = v.ID, note
	err = k.make(ctx, s.ID, 0o700, func(dir string) error {
		s.Consistent, err = k.stillCopy(ctx, v, dir)
		return err
	}, func() error {
		s, err = k.records.CreateSnapshot(ctx, s)
		return err
	})
	if err == nil {
		k.tellAll(v, fmt.Sprintf("snapshot %s of volume %s was taken", s.ID, v.Name))
	}
	return s, err
}

// planned is a snapshot of what is in a folder, if there is room for one.
func (k *Keeper) planned(ctx context.Context, folder, project string) (s platform.Snapshot, err error) {
	if s.Bytes, err = k.folders.size(ctx, folder); err != nil {
		return s, err
	}
	if err := errors.Join(k.records.DiskRoom(ctx, project, s.Bytes>>20), k.folders.roomFor(s.Bytes)); err != nil {
		return s, err
	}
	s.ID, err = newID(platform.SnapshotPrefix)
	return s, err
}

// stillCopy copies a volume, and reports whether nothing could write to it meanwhile.
func (k *Keeper) stillCopy(ctx context.Context, v platform.Volume, dir string) (still bool, err error) {
	holders, err := k.engine.Holders(ctx, v.ID)
	if err != nil {
		return false, err
	}
	ice := &ice{k: k}
	for _, id := range holders {
		ice.frozen = append(ice.frozen, id)
		if err := k.engine.Freeze(ctx, id); err != nil && !errors.Is(err, platform.ErrNotFound) {
			k.log.Warn("a spherelet cannot be frozen for a snapshot", "spherelet", id, "err", err)
			ice.melt(false)
			break
		}
	}
	timer := time.AfterFunc(k.freeze, func() { ice.melt(false) })
	err = copyTree(ctx, k.folders.shown(v.ID), dir)
	after, listErr := k.engine.Holders(context.WithoutCancel(ctx), v.ID) // before they go on
	timer.Stop()
	still = ice.melt(true)
	began := slices.ContainsFunc(after, func(id string) bool { return !slices.Contains(holders, id) })
	return still && !began, errors.Join(err, listErr)
}

// ice is what is frozen, until it has melted.
type ice struct {
	k      *Keeper
	frozen []string
	once   sync.Once
	still  bool
}

// melt thaws everything, once, and reports whether it had lasted until the call that says so.
func (i *ice) melt(done bool) bool {
	i.once.Do(func() {
		i.still = done
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		defer cancel()
		for _, id := range i.frozen {
			if err := i.k.engine.Thaw(ctx, id); err != nil {
				i.k.log.Error("a spherelet stays frozen; a start of csphd thaws it", "spherelet", id, "err", err)
			}
		}
	})
	return i.still
}

// DeleteSnapshot removes a snapshot.
func (k *Keeper) DeleteSnapshot(ctx context.Context, s platform.Snapshot) error {
	leave, err := k.enter(s.Volume, "something else with volume "+s.VolumeName)
	if err != nil {
		return err
	}
	defer leave()
	return k.drop(ctx, []string{s.ID}, func(ctx context.Context) error { return k.records.DeleteSnapshot(ctx, s.ID) })
}

// Restored is a volume that is as a snapshot has it, and the snapshot of what was in it before.
type Restored struct {
	Change
	Before platform.Snapshot
}

// Restore gives a volume what is in a snapshot of it, in one step, and rolls out the services that have it. What was in it
// becomes a snapshot of its own, to which the spherelets that are on their way out go on writing: nothing is lost. Until
// the copy is made, the end of ctx leaves everything as it was.
func (k *Keeper) Restore(ctx context.Context, v platform.Volume, s platform.Snapshot, t platform.Trigger) (r Restored, err error) {
	leave, err := k.enter(v.ID, "a restore of volume "+v.Name)
	if err != nil {
		return r, err
	}
	defer leave()
	before, err := k.planned(ctx, s.ID, v.Project)
	if err != nil {
		return r, err
	}
	before.Volume, before.Note = v.ID, "kept when "+s.ID+" was restored"
	// At first the new snapshot is a second copy of what is restored. Then the two change places.
	err = k.make(ctx, before.ID, 0o700, func(dir string) error { return copyTree(ctx, k.folders.shown(s.ID), dir) }, func() error {
		before, err = k.records.CreateSnapshot(ctx, before)
		return err
	})
	if err == nil {
		err = k.folders.exchange(v.ID, before.ID)
	}
	if err != nil {
		return r, err
	}
	k.tellAll(v, fmt.Sprintf("volume %s is as snapshot %s has it; what was in it is snapshot %s", v.Name, s.ID, before.ID))
	var services []string
	for _, a := range v.Attached {
		services = append(services, a.Service)
	}
	done, err := k.remount(context.WithoutCancel(ctx), v, t, services...)
	return Restored{Change: done, Before: before}, err
}

// RestoreAs makes a new volume of a snapshot. Of v its environment, name, size and kind count.
func (k *Keeper) RestoreAs(ctx context.Context, s platform.Snapshot, v platform.Volume) (platform.Volume, error) {
	leave, err := k.enter(s.Volume, "a copy of snapshot "+s.ID)
	if err != nil {
		return platform.Volume{}, err
	}
	defer leave()
	if v.UsedBytes, err = k.folders.size(ctx, s.ID); err == nil {
		err = k.folders.roomFor(v.UsedBytes)
	}
	if err != nil {
		return platform.Volume{}, err
	}
	return k.create(ctx, v, func(dir string) error { return copyTree(ctx, k.folders.shown(s.ID), dir) })
}
