package platform

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// ID prefixes of data that outlives deployments.
const (
	VolumePrefix   = "vol"
	SnapshotPrefix = "snap"
)

// SharedMounts is the folder that shared storage appears in, each under its name (SPEC section 4).
const SharedMounts = "/mnt"

// Volume is a folder that outlives deployments. Its owners and modes are those that the processes in the spherelets
// see. A volume belongs to one service at a time, at a path of choice; shared storage to any number, at /mnt/<name>.
type Volume struct {
	ID          string       `json:"id"`
	Account     string       `json:"account"`
	Project     string       `json:"project"`     // id
	Environment string       `json:"environment"` // id
	EnvName     string       `json:"environment_name"`
	Name        string       `json:"name"` // the environment has no other of this name
	Shared      bool         `json:"shared,omitempty"`
	SizeMB      int64        `json:"size_mb"`    // what counts against the disk quota of its account, as long as it has not more in it
	UsedBytes   int64        `json:"used_bytes"` // as last measured
	Attached    []Attachment `json:"attached"`   // by the name of the service
	Created     time.Time    `json:"created"`
}

// Attachment is a service that sees a volume at a path.
type Attachment struct {
	Service     string `json:"service"` // id
	ServiceName string `json:"service_name"`
	Path        string `json:"path"`
}

// Snapshot is what was in a volume at a time.
type Snapshot struct {
	ID         string    `json:"id"`
	Volume     string    `json:"volume"` // id
	VolumeName string    `json:"volume_name"`
	Note       string    `json:"note,omitempty"`
	Consistent bool      `json:"consistent"` // nothing was written while it was taken; else it is as after a power cut
	Bytes      int64     `json:"bytes"`      // on disk when it was taken; what it shares with the volume included
	Created    time.Time `json:"created"`
}

// Mount is a volume in a spherelet.
type Mount struct {
	Volume string `json:"volume"` // id
	Path   string `json:"path"`
}

// MountPath is where a volume is mounted that was asked for at want: there, or for shared storage at /mnt/<name>.
// ErrInvalid, with the reason, for paths that a spherelet needs for itself or that hide what it runs.
func (v Volume) MountPath(want string) (string, error) {
	if v.Shared {
		own := path.Join(SharedMounts, v.Name)
		if want != "" && want != own {
			return "", fmt.Errorf("%w: %s is shared storage, which is mounted at %s; leave the path out", ErrInvalid, v.Name, own)
		}
		return own, nil
	}
	return want, CheckMountPath(want)
}

const longestMountPath = 1000

// CheckMountPath refuses paths that no volume can be mounted at.
func CheckMountPath(p string) error {
	refuse := func(why string) error {
		return fmt.Errorf("%w: a volume cannot be mounted at %q: %s; choose a folder such as /data", ErrInvalid, p, why)
	}
	switch {
	case !strings.HasPrefix(p, "/"):
		return refuse("the path must begin with /")
	case len(p) > longestMountPath:
		return refuse(fmt.Sprintf("the path is longer than %d bytes", longestMountPath))
	case strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }):
		return refuse("the path has control characters in it")
	case path.Clean(p) != p:
		return refuse("write it without .., . and // in it, and with no / at its end: " + path.Clean(p))
	}
	for _, own := range []string{"/proc", "/sys", "/dev", "/.csph"} {
		if p == own || strings.HasPrefix(p, own+"/") {
			return refuse("what is in " + own + " is the kernel's and csph's")
		}
	}
	if hides := []string{"/", "/app", "/bin", "/etc", "/lib", "/lib64", "/mnt", "/sbin", "/usr", "/var", "/var/www"}; slices.Contains(hides, p) {
		return refuse("it would hide what is there, and the app with it; a folder below it is fine")
	}
	if slices.Contains([]string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}, p) {
		return refuse("that is a file of csph's")
	}
	return nil
}
