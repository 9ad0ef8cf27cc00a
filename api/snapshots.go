package api

import (
	"context"

	"csph/api/wire"
	"csph/platform"
)

// SnapshotPath is a request about one snapshot; exported for the same reason as ServicePath.
type SnapshotPath struct {
	Snapshot string `path:"snapshot" doc:"id, or a unique prefix of one"`
}

type listSnapshots struct {
	VolumePath
	Page
}

type createSnapshot struct {
	VolumePath
	Body wire.NewSnapshot
}

type restoreSnapshot struct {
	SnapshotPath
	Body wire.Restore
}

// snapshot resolves what a request calls a snapshot, with the volume that it is of.
func (s *Server) snapshot(ctx context.Context, ref string) (n platform.Snapshot, v platform.Volume, err error) {
	c := caller(ctx)
	if n, err = s.Records.FindSnapshot(ctx, c.Account, ref); err != nil {
		return n, v, err
	}
	if v, err = s.Records.Volume(ctx, n.Volume); err == nil && !c.Sees(v.Project) {
		return platform.Snapshot{}, platform.Volume{}, hidden("snapshot", ref)
	}
	return n, v, err
}

func (s *Server) listSnapshots(ctx context.Context, in *listSnapshots) (*listed[platform.Snapshot], error) {
	v, err := s.volume(ctx, in.Volume)
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Snapshots(ctx, v.ID)
	return recent(ctx, in.Page, all, func(n platform.Snapshot) string { return n.ID }, err)
}

func (s *Server) createSnapshot(ctx context.Context, in *createSnapshot) (*body[platform.Snapshot], error) {
	v, err := s.volume(ctx, in.Volume)
	if err != nil {
		return nil, err
	}
	return answer(s.Volumes.Snapshot(ctx, v, in.Body.Note))
}

func (s *Server) restoreSnapshot(ctx context.Context, in *restoreSnapshot) (*body[wire.VolumeRestored], error) {
	n, v, err := s.snapshot(ctx, in.Snapshot)
	if err != nil {
		return nil, err
	}
	if in.Body.As == "" {
		return answer(s.Volumes.Restore(ctx, v, n, trigger(ctx, platform.TriggerConfig)))
	}
	e, name, err := s.newPlace(ctx, in.Body.As, v.Environment)
	if err != nil {
		return nil, err
	}
	size := in.Body.SizeMB
	if size == 0 {
		size = v.SizeMB
	}
	made, err := s.Volumes.RestoreAs(ctx, n, platform.Volume{Environment: e.ID, Name: name, SizeMB: size, Shared: in.Body.Shared})
	return answer(wire.VolumeRestored{VolumeChanged: wire.VolumeChanged{Volume: made, Deployments: []platform.Deployment{}}}, err)
}

func (s *Server) deleteSnapshot(ctx context.Context, in *SnapshotPath) (*none, error) {
	n, _, err := s.snapshot(ctx, in.Snapshot)
	if err != nil {
		return nil, err
	}
	return nil, s.Volumes.DeleteSnapshot(ctx, n)
}
