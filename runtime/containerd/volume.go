package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/runtime-spec/specs-go"

	"csph/platform"
)

// volumeDir is where a volume is on the host: a folder of the name of its id.
func (c Config) volumeDir(id string) string {
	return filepath.Join(cmp.Or(c.Volumes, filepath.Join(c.Instance.Dir, "volumes")), id)
}

// withVolumes mounts the set's volumes. Files in them have the ids that they have within the spherelets, all of which
// have other ranges of ids on the host: the mount shifts them, as that of the root file system does. It comes behind
// withProcess, which says who the process is.
func (j *job) withVolumes(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
	for _, m := range j.set.Mounts {
		dir := j.e.cfg.volumeDir(m.Volume)
		if !fileName(m.Volume) {
			return fmt.Errorf("%w: %q is no volume", platform.ErrInvalid, m.Volume)
		}
		if err := welcome(dir, s.Process.User); err != nil {
			return fmt.Errorf("mount volume %s at %s: %w", m.Volume, m.Path, err)
		}
		mount := specs.Mount{Destination: m.Path, Type: "bind", Source: dir, Options: []string{"bind", "rw", "nosuid", "nodev", "rprivate"}}
		if j.e.remap {
			mount.UIDMappings, mount.GIDMappings = j.idMap(), j.idMap()
		}
		s.Mounts = append(s.Mounts, mount)
	}
	return nil
}

// welcome gives a volume that is empty, and root's still, to the user that is about to have it: images that do not run
// as root could not write to it otherwise.
func welcome(dir string, user specs.User) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("its folder %s is not there; bring it back from a backup, or detach the volume", dir)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 0 || owner.Gid != 0 {
		return nil
	}
	if _, err = f.Readdirnames(1); !errors.Is(err, io.EOF) {
		return err // nil for one that has something in it
	}
	return f.Chown(int(user.UID), int(user.GID))
}
