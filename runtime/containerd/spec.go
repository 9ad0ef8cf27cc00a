package containerd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/runtime-spec/specs-go"

	"csph/platform"
)

const (
	maxPids     = 1024
	mostOpen    = 65536 // files, where the host allows as many
	shmKilobyte = 64 << 10
)

// capabilities is what a spherelet's root may do, within its user namespace: what web servers and package
// scripts need. Compared with the usual set of containers there are no raw sockets, device nodes, audit
// messages, nor chroot.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
}

// specOpts describes the process of a spherelet and everything that confines it.
func (j *job) specOpts(img client.Image) []oci.SpecOpts {
	opts := []oci.SpecOpts{
		oci.WithDefaultSpec(), oci.WithDefaultUnixDevices, oci.WithoutRunMount,
		j.withProcess(img),
		oci.WithHostname(j.hostname()), oci.WithMounts(j.mounts()), oci.WithDevShmSize(shmKilobyte),
		oci.WithCapabilities(capabilities), oci.WithNoNewPrivileges,
		oci.WithCgroup(j.e.inst.AppCgroup(j.id).Path()),
		oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.CgroupNamespace}),
		withOpenFiles, withLimits(j.set.Shape), withSysctls, j.withVolumes,
	}
	if j.e.remap {
		ids := j.idMap()
		opts = append(opts, oci.WithUserNamespace(ids, ids))
	}
	// Last: the profile depends on the capabilities.
	return append(opts, seccomp.WithDefaultProfile(), withoutX32)
}

// withProcess takes user, folder and variables from the image, and the command where the set has none. The
// command of a set stands for itself: it is not an argument of the image's entrypoint.
func (j *job) withProcess(img client.Image) oci.SpecOpts {
	return func(ctx context.Context, c oci.Client, con *containers.Container, s *oci.Spec) error {
		if err := oci.WithImageConfig(img)(ctx, c, con, s); err != nil {
			return err
		}
		if len(j.set.Command) > 0 {
			s.Process.Args = j.set.Command
		}
		if j.launches() {
			s.Process.Args = []string{initPath, launchPath}
		}
		var env []string
		for _, k := range slices.Sorted(maps.Keys(j.set.Env)) {
			env = append(env, k+"="+j.set.Env[k])
		}
		j.attach(s.Process)
		return oci.WithEnv(env)(ctx, c, con, s)
	}
}

// withLimits makes the kernel enforce the shape: memory with swap counted in. The CPU quota comes with
// limitCPU: from the beginning it would slow down runc's own work, most of a start.
func withLimits(shape platform.Shape) oci.SpecOpts {
	return func(ctx context.Context, c oci.Client, con *containers.Container, s *oci.Spec) error {
		return oci.ApplyOpts(ctx, c, con, s,
			oci.WithMemoryLimit(uint64(shape.Memory)), oci.WithMemorySwap(shape.Memory),
			oci.WithPidsLimit(maxPids),
		)
	}
}

// withOpenFiles allows as many open files as usual, but no more than csphd itself may allow: raising a hard
// limit takes a capability that not every host gives.
func withOpenFiles(ctx context.Context, c oci.Client, con *containers.Container, s *oci.Spec) error {
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	n := min(mostOpen, own.Max)
	return oci.WithRlimit(&specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Hard: n, Soft: n})(ctx, c, con, s)
}

// withSysctls lets any user of the container listen on ports below 1024: they are the container's own.
func withSysctls(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
	s.Linux.Sysctl = map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"}
	return nil
}

// withoutX32 leaves the x32 variant of amd64 out of the profile: hardly anything uses it, and compiling the filter
// for it took about 20 ms of every start.
func withoutX32(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
	if p := s.Linux.Seccomp; p != nil {
		p.Architectures = slices.DeleteFunc(p.Architectures, func(a specs.Arch) bool { return a == specs.ArchX32 })
	}
	return nil
}

// mounts adds the files that name the host and its resolvers, and a view of the spherelet's own cgroup.
func (j *job) mounts() []specs.Mount {
	mounts := []specs.Mount{{
		Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
		Options: []string{"ro", "nosuid", "noexec", "nodev"},
	}}
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		mounts = append(mounts, specs.Mount{
			Destination: "/etc/" + name, Type: "bind", Source: j.file(name), Options: []string{"rbind", "rw"},
		})
	}
	return append(append(mounts, j.launchMounts()...), j.sftpMount()...)
}

const (
	// firstID begins the range of user ids that no distribution gives to anybody (systemd's UIDS-GIDS
	// document, "unused"); every spherelet gets 65536 of them.
	firstID = 1879048192
	idCount = 65536
	idSlots = (2147352576 - firstID) / idCount
)

// idMap is the spherelet's own range of user and group ids on the host, by its address: what one spherelet
// owns and uses up (files, processes, inotify watches) is not another's.
func (j *job) idMap() []specs.LinuxIDMapping {
	b := j.addr.As4()
	slot := (uint32(b[2])<<8 | uint32(b[3])) % idSlots
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: firstID + slot*idCount, Size: idCount}}
}

// rootID is the host's user id of the container's root.
func (j *job) rootID() int {
	if !j.e.remap {
		return 0
	}
	return int(j.idMap()[0].HostID)
}
