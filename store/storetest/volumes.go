package storetest

import (
	"context"
	"fmt"

	"csph/platform"
)

// VolumeRecords is what the suite demands of records of volumes.
type VolumeRecords interface {
	CreateVolume(ctx context.Context, v platform.Volume) (platform.Volume, error)
	Volume(ctx context.Context, id string) (platform.Volume, error)
	ResolveVolume(ctx context.Context, account, ref string) (platform.Volume, error)
	Volumes(ctx context.Context, account string) ([]platform.Volume, error)
	ResizeVolume(ctx context.Context, id string, sizeMB int64, check func(platform.Volume) error) (platform.Volume, error)
	MeasuredVolume(ctx context.Context, id string, bytes int64) error
	DeleteVolume(ctx context.Context, id string) error
	Attach(ctx context.Context, volume, service, path string) (platform.Volume, error)
	Detach(ctx context.Context, volume, service string) (platform.Volume, error)
	Mounts(ctx context.Context, service string) ([]platform.Mount, error)
	CreateSnapshot(ctx context.Context, s platform.Snapshot) (platform.Snapshot, error)
	Snapshots(ctx context.Context, volume string) ([]platform.Snapshot, error)
	FindSnapshot(ctx context.Context, account, prefix string) (platform.Snapshot, error)
	DeleteSnapshot(ctx context.Context, id string) error
	DeleteEnvironment(ctx context.Context, id string) error
	DiskMB(ctx context.Context, account string) (int64, error)
	SetQuota(ctx context.Context, ref string, q platform.Quota, check func(platform.Account) error) (platform.Account, error)
}

// volume makes a volume in the environment of s.
func (f *fixture) volume(s platform.Service, name string, shared bool) platform.Volume {
	f.t.Helper()
	v, err := f.CreateVolume(f.ctx, platform.Volume{ID: "vol_" + name, Environment: s.Environment, Name: name, Shared: shared, SizeMB: 100})
	f.ok(err)
	return v
}

var volumeTests = map[string]func(*fixture){
	"AVolumeIsFoundByIdPrefixAndNameWithinItsAccount": func(f *fixture) {
		v := f.volume(f.service("web"), "data", false)
		same(f, "size", v.SizeMB, 100)
		same(f, "account", v.Account, f.account)
		for _, ref := range []string{"vol_data", "vol_da", "data", "production/data", "default/production/data"} {
			found, err := f.ResolveVolume(f.ctx, f.account, ref)
			f.ok(err)
			same(f, ref, found.ID, v.ID)
		}
		for _, ref := range []string{"vol_x", "other", "staging/data"} {
			_, err := f.ResolveVolume(f.ctx, f.account, ref)
			f.refused(err, platform.ErrNotFound)
		}
		for _, ref := range []string{"vol_data", "data"} {
			_, err := f.ResolveVolume(f.ctx, "acc_other", ref)
			f.refused(err, platform.ErrNotFound)
		}
		others, err := f.Volumes(f.ctx, "acc_other")
		f.ok(err)
		same(f, "number of another account's", len(others), 0)
	},
	"ANameIsTakenOnceInAnEnvironment": func(f *fixture) {
		s := f.service("web")
		f.volume(s, "data", false)
		_, err := f.CreateVolume(f.ctx, platform.Volume{ID: "vol_2", Environment: s.Environment, Name: "data"})
		f.refused(err, platform.ErrConflict)
		_, err = f.CreateVolume(f.ctx, platform.Volume{ID: "vol_2", Environment: s.Environment, Name: "../x"})
		f.refused(err, platform.ErrInvalid)
		_, err = f.CreateVolume(f.ctx, platform.Volume{ID: "vol_2", Environment: "env_none", Name: "x"})
		f.refused(err, platform.ErrNotFound)
		e, err := f.CreateEnvironment(f.ctx, s.Project, "staging")
		f.ok(err)
		_, err = f.CreateVolume(f.ctx, platform.Volume{ID: "vol_2", Environment: e.ID, Name: "data"})
		f.ok(err)
	},
	"AVolumeBelongsToOneServiceAndSharedStorageToMany": func(f *fixture) {
		web, api := f.service("web"), f.service("api")
		v, shared := f.volume(web, "data", false), f.volume(web, "media", true)
		after, err := f.Attach(f.ctx, v.ID, web.ID, "/data")
		f.ok(err)
		same(f, "attachments", fmt.Sprint(after.Attached), fmt.Sprint([]platform.Attachment{{Service: web.ID, ServiceName: "web", Path: "/data"}}))
		for _, refused := range []struct{ volume, service, path string }{{v.ID, web.ID, "/other"}, {v.ID, api.ID, "/data"}, {shared.ID, web.ID, "/data"}} {
			_, err = f.Attach(f.ctx, refused.volume, refused.service, refused.path)
			f.refused(err, platform.ErrConflict)
		}
		for _, s := range []platform.Service{web, api} {
			shared, err = f.Attach(f.ctx, shared.ID, s.ID, "/mnt/media")
			f.ok(err)
		}
		same(f, "number of attachments", len(shared.Attached), 2)
		same(f, "the first", shared.Attached[0].ServiceName, "api")
		mounts, err := f.Mounts(f.ctx, web.ID)
		f.ok(err)
		same(f, "mounts", fmt.Sprint(mounts), fmt.Sprint([]platform.Mount{{Volume: v.ID, Path: "/data"}, {Volume: shared.ID, Path: "/mnt/media"}}))
		all, err := f.Volumes(f.ctx, f.account)
		f.ok(err)
		same(f, "as listed", fmt.Sprint(all), fmt.Sprint([]platform.Volume{after, shared}))
	},
	"AVolumeIsAttachedWithinItsEnvironmentOnly": func(f *fixture) {
		web := f.service("web")
		_, err := f.CreateEnvironment(f.ctx, web.Project, "staging")
		f.ok(err)
		v := f.volume(web, "data", false)
		_, err = f.Attach(f.ctx, v.ID, f.service("staging/web").ID, "/data")
		f.refused(err, platform.ErrInvalid)
		_, err = f.Attach(f.ctx, v.ID, "svc_none", "/data")
		f.refused(err, platform.ErrNotFound)
		_, err = f.Detach(f.ctx, v.ID, web.ID)
		f.refused(err, platform.ErrNotFound)
	},
	"AVolumeOutlivesItsServiceAndKeepsItsEnvironment": func(f *fixture) {
		web := f.service("web")
		v := f.volume(web, "data", false)
		_, err := f.Attach(f.ctx, v.ID, web.ID, "/data")
		f.ok(err)
		f.ok(f.DeleteService(f.ctx, web.ID))
		left, err := f.Volume(f.ctx, v.ID)
		f.ok(err)
		same(f, "number of attachments", len(left.Attached), 0)
		f.refused(f.DeleteEnvironment(f.ctx, v.Environment), platform.ErrConflict)
		f.ok(f.DeleteVolume(f.ctx, v.ID))
		f.ok(f.DeleteEnvironment(f.ctx, v.Environment))
	},
	"AVolumeThatIsInUseIsNotDeleted": func(f *fixture) {
		web := f.service("web")
		v := f.volume(web, "data", false)
		_, err := f.Attach(f.ctx, v.ID, web.ID, "/data")
		f.ok(err)
		f.refused(f.DeleteVolume(f.ctx, v.ID), platform.ErrConflict)
		config := web.Config
		config.Volumes = []platform.Mount{{Volume: v.ID, Path: "/data"}}
		d, err := f.CreateDeployment(f.ctx, platform.Deployment{Service: web.ID, Config: config})
		f.ok(err)
		_, err = f.Detach(f.ctx, v.ID, web.ID)
		f.ok(err)
		f.refused(f.DeleteVolume(f.ctx, v.ID), platform.ErrConflict)
		f.carry(d, platform.Cancel)
		f.ok(f.DeleteVolume(f.ctx, v.ID))
		_, err = f.Volume(f.ctx, v.ID)
		f.refused(err, platform.ErrNotFound)
	},
	"SnapshotsAreListedNewestFirstAndGoWithTheirVolume": func(f *fixture) {
		v := f.volume(f.service("web"), "data", false)
		for _, id := range []string{"snap_1", "snap_2"} {
			s, err := f.CreateSnapshot(f.ctx, platform.Snapshot{ID: id, Volume: v.ID, Note: "n " + id, Consistent: true, Bytes: 5})
			f.ok(err)
			same(f, "name of its volume", s.VolumeName, "data")
		}
		all, err := f.Snapshots(f.ctx, v.ID)
		f.ok(err)
		same(f, "number of snapshots", len(all), 2)
		same(f, "the first", all[0].ID, "snap_2")
		found, err := f.FindSnapshot(f.ctx, f.account, "snap_1")
		f.ok(err)
		same(f, "found", found, all[1])
		_, err = f.FindSnapshot(f.ctx, "acc_other", "snap_1")
		f.refused(err, platform.ErrNotFound)
		_, err = f.FindSnapshot(f.ctx, f.account, "data")
		f.refused(err, platform.ErrInvalid)
		f.ok(f.DeleteSnapshot(f.ctx, "snap_1"))
		f.refused(f.DeleteSnapshot(f.ctx, "snap_1"), platform.ErrNotFound)
		f.ok(f.DeleteVolume(f.ctx, v.ID))
		all, err = f.Snapshots(f.ctx, "")
		f.ok(err)
		same(f, "number of snapshots left", len(all), 0)
	},
	"VolumesAndSnapshotsCountAgainstTheDiskQuota": func(f *fixture) {
		s := f.service("web")
		_, err := f.SetQuota(f.ctx, f.account, platform.Quota{DiskMB: 150}, nil)
		f.ok(err)
		v := f.volume(s, "data", false)
		_, err = f.CreateVolume(f.ctx, platform.Volume{ID: "vol_2", Environment: s.Environment, Name: "more", SizeMB: 51})
		f.refused(err, platform.ErrCapacity)
		_, err = f.ResizeVolume(f.ctx, v.ID, 151, func(platform.Volume) error { return nil })
		f.refused(err, platform.ErrCapacity)
		after, err := f.ResizeVolume(f.ctx, v.ID, 90, func(platform.Volume) error { return nil })
		f.ok(err)
		same(f, "size", after.SizeMB, 90)
		f.ok(f.MeasuredVolume(f.ctx, v.ID, 120<<20))
		_, err = f.CreateSnapshot(f.ctx, platform.Snapshot{ID: "snap_1", Volume: v.ID, Bytes: 7 << 20})
		f.ok(err)
		used, err := f.DiskMB(f.ctx, f.account)
		f.ok(err)
		same(f, "MB that count", used, 127)
	},
}
