package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

// VolumeRecords keeps what there is of volumes. What is resolved within an account is never another account's.
type VolumeRecords interface {
	Volume(ctx context.Context, id string) (platform.Volume, error)
	// Volumes lists an account's volumes by project, environment and name.
	Volumes(ctx context.Context, account string) ([]platform.Volume, error)
	// ResolveVolume takes an id, a unique prefix of one, name, env/name or project/env/name.
	ResolveVolume(ctx context.Context, account, ref string) (platform.Volume, error)
	// ResizeVolume changes what a volume counts for; check is asked under the records' lock.
	ResizeVolume(ctx context.Context, id string, sizeMB int64, check func(platform.Volume) error) (platform.Volume, error)
	// Snapshots lists a volume's snapshots, newest first.
	Snapshots(ctx context.Context, volume string) ([]platform.Snapshot, error)
	// FindSnapshot takes an id or a unique prefix of one.
	FindSnapshot(ctx context.Context, account, prefix string) (platform.Snapshot, error)
}

// Volumes keeps the data of volumes.
type Volumes interface {
	// Create makes an empty volume.
	Create(ctx context.Context, v platform.Volume) (platform.Volume, error)
	// Measure looks at how much is in a volume.
	Measure(ctx context.Context, v platform.Volume) (platform.Volume, error)
	// Attach and Detach change which volumes a service has, and roll out what is live of it.
	Attach(ctx context.Context, v platform.Volume, svc platform.Service, path string, t platform.Trigger) (wire.VolumeChanged, error)
	Detach(ctx context.Context, v platform.Volume, svc platform.Service, t platform.Trigger) (wire.VolumeChanged, error)
	// Delete removes a volume with its snapshots; platform.ErrConflict while a service has it.
	Delete(ctx context.Context, v platform.Volume) error
	// Snapshot blocks until the copy is on the disk.
	Snapshot(ctx context.Context, v platform.Volume, note string) (platform.Snapshot, error)
	DeleteSnapshot(ctx context.Context, s platform.Snapshot) error
	// Restore puts a snapshot in the place of what is in its volume, which is kept as another one.
	Restore(ctx context.Context, v platform.Volume, s platform.Snapshot, t platform.Trigger) (wire.VolumeRestored, error)
	// RestoreAs makes a new volume of a snapshot.
	RestoreAs(ctx context.Context, s platform.Snapshot, v platform.Volume) (platform.Volume, error)
}

// VolumePath is a request about one volume; exported for the same reason as ServicePath.
type VolumePath struct {
	Volume string `path:"volume" doc:"id, unique prefix of one, name, env/name or project/env/name (with / as %2F)"`
}

type createVolume struct{ Body wire.NewVolume }

type resizeVolume struct {
	VolumePath
	IfMatch
	Body wire.VolumeResize
}

type attachVolume struct {
	VolumePath
	Body wire.NewAttachment
}

type detachVolume struct {
	VolumePath
	Body wire.Detachment
}

func (s *Server) volumeOperations(api huma.API) {
	op := operationsOf("volumes")
	add(s, api, op("list-volumes", http.MethodGet, "/v1/volumes", "List volumes"), s.listVolumes)
	add(s, api, op("create-volume", http.MethodPost, "/v1/volumes", "Create a volume, and attach it where a service is given").answering(http.StatusCreated), s.createVolume)
	add(s, api, op("get-volume", http.MethodGet, "/v1/volumes/{volume}", "Get a volume, with how much is in it now"), s.getVolume)
	add(s, api, op("resize-volume", http.MethodPatch, "/v1/volumes/{volume}", "Change what a volume counts for against the disk quota"), s.resizeVolume)
	add(s, api, op("delete-volume", http.MethodDelete, "/v1/volumes/{volume}", "Delete a volume that no service has, with its snapshots"), s.deleteVolume)
	add(s, api, op("attach-volume", http.MethodPost, "/v1/volumes/{volume}/attach", "Give a service a volume; what is live is rolled out again with it"), s.attachVolume)
	add(s, api, op("detach-volume", http.MethodPost, "/v1/volumes/{volume}/detach", "Take a volume from a service; what is in it stays"), s.detachVolume)
	add(s, api, op("list-snapshots", http.MethodGet, "/v1/volumes/{volume}/snapshots", "List a volume's snapshots, newest first"), s.listSnapshots)
	add(s, api, op("create-snapshot", http.MethodPost, "/v1/volumes/{volume}/snapshots", "Keep what is in a volume; its spherelets are frozen meanwhile, for five seconds at the most").answering(http.StatusCreated), s.createSnapshot)
	add(s, api, op("restore-snapshot", http.MethodPost, "/v1/snapshots/{snapshot}/restore", "Put a snapshot in the place of what is in its volume, which is kept as another snapshot; or make a new volume of it"), s.restoreSnapshot)
	add(s, api, op("delete-snapshot", http.MethodDelete, "/v1/snapshots/{snapshot}", "Delete a snapshot"), s.deleteSnapshot)
}

// volume resolves what a request calls a volume.
func (s *Server) volume(ctx context.Context, ref string) (platform.Volume, error) {
	c := caller(ctx)
	v, err := s.Records.ResolveVolume(ctx, c.Account, ref)
	if err == nil && !c.Sees(v.Project) {
		return platform.Volume{}, hidden("volume", ref)
	}
	return v, err
}

// newPlace is the environment and the name that a new volume is asked for by; a name alone is in the environment otherwise.
func (s *Server) newPlace(ctx context.Context, ref, otherwise string) (platform.Environment, string, error) {
	at := strings.LastIndex(ref, "/")
	environment := otherwise
	if at >= 0 {
		environment = ref[:at]
	}
	e, err := s.environment(ctx, environment)
	return e, ref[at+1:], err
}

// volumeTag names a state of what can be changed of a volume: not how much is in it.
func volumeTag(v platform.Volume) platform.Volume {
	v.UsedBytes = 0
	return v
}

func taggedVolume(v platform.Volume, err error) (*tagged[platform.Volume], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[platform.Volume]{ETag: etag(volumeTag(v)), Body: v}, nil
}

func (s *Server) listVolumes(ctx context.Context, in *PageOfService) (*listed[platform.Volume], error) {
	service, err := s.serviceID(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	projects, err := s.seenProjects(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, p := range projects {
		names[p.ID] = p.Name
	}
	all, err := s.Records.Volumes(ctx, account(ctx))
	all = slices.DeleteFunc(all, func(v platform.Volume) bool {
		has := func(a platform.Attachment) bool { return a.Service == service }
		return names[v.Project] == "" || service != "" && !slices.ContainsFunc(v.Attached, has)
	})
	return short(ctx, in.Page, all, func(v platform.Volume) string { return names[v.Project] + "\x00" + v.EnvName + "\x00" + v.Name }, err)
}

func (s *Server) createVolume(ctx context.Context, in *createVolume) (*body[wire.VolumeChanged], error) {
	var svc platform.Service
	var err error
	environment := platform.DefaultEnvironment
	if in.Body.Service != "" {
		if svc, err = s.service(ctx, in.Body.Service); err != nil {
			return nil, err
		}
		environment = svc.Environment
	}
	e, name, err := s.newPlace(ctx, in.Body.Name, environment)
	if err != nil {
		return nil, err
	}
	draft := platform.Volume{Environment: e.ID, Name: name, SizeMB: in.Body.SizeMB, Shared: in.Body.Shared}
	if svc.ID != "" {
		if err := mountable(draft, svc, in.Body.Path); err != nil {
			return nil, err
		}
	}
	v, err := s.Volumes.Create(ctx, draft)
	if err != nil || svc.ID == "" {
		return answer(wire.VolumeChanged{Volume: v, Deployments: []platform.Deployment{}}, err)
	}
	return answer(s.Volumes.Attach(ctx, v, svc, in.Body.Path, trigger(ctx, platform.TriggerConfig)))
}

// mountable refuses a volume, before it is made, that could not be attached.
func mountable(v platform.Volume, svc platform.Service, path string) error {
	if svc.Environment != v.Environment {
		return fmt.Errorf("%w: service %s is in environment %s; leave the environment of the volume out", platform.ErrInvalid, svc.Name, svc.EnvName)
	}
	_, err := v.MountPath(path)
	return err
}

func (s *Server) getVolume(ctx context.Context, in *VolumePath) (*tagged[platform.Volume], error) {
	v, err := s.volume(ctx, in.Volume)
	if err != nil {
		return nil, err
	}
	return taggedVolume(s.Volumes.Measure(ctx, v))
}

func (s *Server) resizeVolume(ctx context.Context, in *resizeVolume) (*tagged[platform.Volume], error) {
	v, err := s.volume(ctx, in.Volume)
	if err != nil {
		return nil, err
	}
	return taggedVolume(s.Records.ResizeVolume(ctx, v.ID, in.Body.SizeMB, func(v platform.Volume) error { return in.check(volumeTag(v)) }))
}

func (s *Server) deleteVolume(ctx context.Context, in *VolumePath) (*none, error) {
	v, err := s.volume(ctx, in.Volume)
	if err != nil {
		return nil, err
	}
	return nil, s.Volumes.Delete(ctx, v)
}

// mounting resolves a volume and a service.
func (s *Server) mounting(ctx context.Context, volume, service string) (platform.Volume, platform.Service, error) {
	v, err := s.volume(ctx, volume)
	if err != nil {
		return v, platform.Service{}, err
	}
	svc, err := s.service(ctx, service)
	return v, svc, err
}

func (s *Server) attachVolume(ctx context.Context, in *attachVolume) (*body[wire.VolumeChanged], error) {
	v, svc, err := s.mounting(ctx, in.Volume, in.Body.Service)
	if err != nil {
		return nil, err
	}
	return answer(s.Volumes.Attach(ctx, v, svc, in.Body.Path, trigger(ctx, platform.TriggerConfig)))
}

func (s *Server) detachVolume(ctx context.Context, in *detachVolume) (*body[wire.VolumeChanged], error) {
	v, svc, err := s.mounting(ctx, in.Volume, in.Body.Service)
	if err != nil {
		return nil, err
	}
	return answer(s.Volumes.Detach(ctx, v, svc, trigger(ctx, platform.TriggerConfig)))
}
