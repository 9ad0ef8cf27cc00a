package wire

import "csph/platform"

// NewVolume is a volume to create, and to attach where a service is given.
type NewVolume struct {
	Name    string `json:"name" doc:"name, environment/name or project/environment/name" minLength:"1" maxLength:"200"`
	SizeMB  int64  `json:"size_mb,omitempty" doc:"What it counts for against the account's disk quota, as long as it has not more in it; 1024 when 0" minimum:"0" maximum:"1073741824"`
	Shared  bool   `json:"shared,omitempty" doc:"Shared storage: any number of services have it, each at /mnt/<name>"`
	Service string `json:"service,omitempty" doc:"Attach it to this service" maxLength:"200"`
	Path    string `json:"path,omitempty" doc:"At this path; shared storage is at /mnt/<name>" maxLength:"1000"`
}

// VolumeResize changes what a volume counts for.
type VolumeResize struct {
	SizeMB int64 `json:"size_mb" minimum:"1" maximum:"1073741824"`
}

// NewAttachment gives a service a volume.
type NewAttachment struct {
	Service string `json:"service" doc:"A service of the volume's environment" minLength:"1" maxLength:"200"`
	Path    string `json:"path,omitempty" doc:"Where its spherelets see it, such as /data; shared storage is at /mnt/<name>" maxLength:"1000"`
}

// Detachment takes a volume from a service.
type Detachment struct {
	Service string `json:"service" minLength:"1" maxLength:"200"`
}

// VolumeChanged is a volume after a change, and the deployments that bring the change to what is live.
type VolumeChanged struct {
	Volume      platform.Volume       `json:"volume"`
	Deployments []platform.Deployment `json:"deployments"`
}

// NewSnapshot says what a snapshot is for.
type NewSnapshot struct {
	Note string `json:"note,omitempty" maxLength:"500"`
}

// Restore says where a snapshot is restored to: the volume that it is of or, with a name, a new one.
type Restore struct {
	As     string `json:"as,omitempty" doc:"Make a new volume of this name: name, environment/name or project/environment/name" maxLength:"200"`
	SizeMB int64  `json:"size_mb,omitempty" doc:"Of the new volume; when 0 that of the old one" minimum:"0" maximum:"1073741824"`
	Shared bool   `json:"shared,omitempty" doc:"The new volume is shared storage"`
}

// VolumeRestored is a volume that is as a snapshot has it.
type VolumeRestored struct {
	VolumeChanged
	Before *platform.Snapshot `json:"before,omitempty" doc:"What was in the volume; absent for a new one"`
}
