package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"go.jetify.com/typeid/v2"

	"csph/platform"
)

const (
	// writeTimeout bounds what has to be done although whoever asked for it has gone.
	writeTimeout = 30 * time.Second
	// DefaultSizeMB is what a volume counts for that nobody has said a size of.
	DefaultSizeMB = 1024
)

// Keeper makes, attaches, copies and removes volumes. Its methods may be called from any goroutine; what would change
// the folder of a volume that is being copied is refused with ErrConflict.
type Keeper struct {
	records  Records
	engine   Engine
	rollouts Rollouts
	folders  folders
	log      *slog.Logger
	freeze   time.Duration // longestFreeze

	mu   sync.Mutex
	busy map[string]string // what is under way, by volume
	old  []string          // hidden folders that an earlier csphd has left to be removed
}

// NewKeeper returns a Keeper of the volumes in dir. It touches nothing before Sweep.
func NewKeeper(dir string, records Records, engine Engine, rollouts Rollouts, log *slog.Logger) *Keeper {
	return &Keeper{records: records, engine: engine, rollouts: rollouts, folders: folders{dir}, log: log, freeze: longestFreeze, busy: map[string]string{}}
}

// Change is what became of a volume, and the deployments that it was told to services by.
type Change struct {
	Volume      platform.Volume
	Deployments []platform.Deployment
}

// Create makes an empty volume in an environment. ErrConflict when it has one of that name, ErrCapacity, with the
// figures, when the disk quota has no room for it.
func (k *Keeper) Create(ctx context.Context, v platform.Volume) (platform.Volume, error) {
	return k.create(ctx, v, func(string) error { return nil })
}

// create makes a volume with what fill puts into its folder.
func (k *Keeper) create(ctx context.Context, v platform.Volume, fill func(dir string) error) (made platform.Volume, err error) {
	if v.SizeMB == 0 {
		v.SizeMB = DefaultSizeMB
	}
	if v.ID, err = newID(platform.VolumePrefix); err != nil {
		return made, err
	}
	mode := fs.FileMode(0o755)
	if v.Shared {
		mode = 0o777 // whoever runs as whom in the services that have it
	}
	err = k.make(ctx, v.ID, mode, fill, func() error {
		made, err = k.records.CreateVolume(ctx, v)
		return err
	})
	return made, err
}

func newID(prefix string) (string, error) {
	id, err := typeid.Generate(prefix)
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

// make makes a folder in the order that a kill at any moment leaves all or nothing of: its content, durable; the record; the name.
func (k *Keeper) make(ctx context.Context, id string, mode fs.FileMode, fill func(dir string) error, record func() error) error {
	dir, err := k.folders.begin(id, mode)
	if err != nil {
		return err
	}
	if err = fill(dir); err == nil {
		err = k.folders.sync(dir)
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = record()
	}
	if err != nil {
		return errors.Join(err, k.folders.remove(id))
	}
	return k.folders.show(id)
}

// Attach gives a service a volume, at a path, or shared storage at /mnt/<name>, and rolls the service out with it.
func (k *Keeper) Attach(ctx context.Context, v platform.Volume, svc platform.Service, path string, t platform.Trigger) (Change, error) {
	path, err := v.MountPath(path)
	if err != nil {
		return Change{}, err
	}
	if v, err = k.records.Attach(ctx, v.ID, svc.ID, path); err != nil {
		return Change{}, err
	}
	k.tell(svc.ID, fmt.Sprintf("volume %s is attached at %s", v.Name, path))
	return k.remount(ctx, v, t, svc.ID)
}

// Detach takes a volume from a service, and rolls the service out without it. The volume stays.
func (k *Keeper) Detach(ctx context.Context, v platform.Volume, svc platform.Service, t platform.Trigger) (Change, error) {
	v, err := k.records.Detach(ctx, v.ID, svc.ID)
	if err != nil {
		return Change{}, err
	}
	k.tell(svc.ID, fmt.Sprintf("volume %s is detached; what is in it stays", v.Name))
	return k.remount(ctx, v, t, svc.ID)
}

// remount rolls services out with the volumes that they have by now. Those that cannot be get them with their next
// deployment; the error says so.
func (k *Keeper) remount(ctx context.Context, v platform.Volume, t platform.Trigger, services ...string) (Change, error) {
	done := Change{Volume: v, Deployments: []platform.Deployment{}}
	var failed []error
	for _, service := range services {
		d, deployed, err := k.rollouts.Remount(ctx, service, t)
		if err != nil {
			failed = append(failed, fmt.Errorf("the change of volume %s is kept, and comes with the next deployment: %w", v.Name, err))
		}
		if deployed {
			done.Deployments = append(done.Deployments, d)
		}
	}
	return done, errors.Join(failed...)
}

// Delete removes a volume with its snapshots. ErrConflict while a service has it.
func (k *Keeper) Delete(ctx context.Context, v platform.Volume) error {
	leave, err := k.enter(v.ID, "its deletion")
	if err != nil {
		return err
	}
	defer leave()
	kept, err := k.records.Snapshots(ctx, v.ID)
	if err != nil {
		return err
	}
	ids := []string{v.ID}
	for _, s := range kept {
		ids = append(ids, s.ID)
	}
	return k.drop(ctx, ids, func(ctx context.Context) error { return k.records.DeleteVolume(ctx, v.ID) })
}

// drop removes folders in the order that a kill at any moment leaves all or nothing of: the names, the records, the content.
func (k *Keeper) drop(ctx context.Context, ids []string, forget func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	for i, id := range ids {
		if err := k.folders.hide(id); err != nil {
			return errors.Join(err, k.showAll(ids[:i]))
		}
	}
	if err := forget(ctx); err != nil {
		return errors.Join(err, k.showAll(ids))
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, k.folders.remove(id))
	}
	return errors.Join(errs...)
}

func (k *Keeper) showAll(ids []string) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, k.folders.show(id))
	}
	return errors.Join(errs...)
}

// enter begins something that a volume may have only one of at a time.
func (k *Keeper) enter(volume, what string) (leave func(), err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if going, ok := k.busy[volume]; ok {
		return nil, fmt.Errorf("%w: %s is under way; try again when it has ended", platform.ErrConflict, going)
	}
	k.busy[volume] = what
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.busy, volume)
	}, nil
}

// tell puts an event of a service on the bus. One that is lost stops nothing.
func (k *Keeper) tell(service, message string) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if _, err := k.records.Publish(ctx, platform.Event{Service: service, Kind: platform.EventVolume, Message: message}); err != nil {
		k.log.Error("event is lost", "kind", platform.EventVolume, "service", service, "err", err)
	}
}

func (k *Keeper) tellAll(v platform.Volume, message string) {
	for _, a := range v.Attached {
		k.tell(a.Service, message)
	}
}
