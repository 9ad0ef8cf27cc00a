package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// finding is the outcome of one check: what was looked at, whether it is well, and what to do if not.
type finding struct {
	what   string
	state  string // ok, warn, fail
	detail string
	remedy string
}

func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what the machine has for csphd, and say what to do about the rest",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			return report(cmd.OutOrStdout(), examine(c))
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

// report prints the findings; it fails when one of them keeps csphd from working.
func report(w io.Writer, all []finding) error {
	failed := 0
	for _, f := range all {
		fmt.Fprintf(w, "%-5s %-22s %s\n", f.state, f.what, f.detail)
		if f.state != "ok" {
			fmt.Fprintf(w, "      %-22s → %s\n", "", f.remedy)
		}
		if f.state == "fail" {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(all))
	}
	return nil
}

func examine(c Config) []finding {
	all := []finding{checkRoot(), checkKernel(), checkOverlay(), checkCgroups(), checkUserNamespaces(), checkFilter(), checkForwarding()}
	all = append(all, checkBinaries(c.BinDir)...)
	all = append(all, checkTools()...)
	all = append(all, checkDisk(c.State), checkMemory())
	return append(all, checkPorts(c)...)
}

func checkRoot() finding {
	if os.Geteuid() != 0 {
		return finding{"user", "fail", fmt.Sprintf("uid %d", os.Geteuid()), "run csphd as root: it makes containers, bridges and cgroups"}
	}
	return finding{what: "user", state: "ok", detail: "root"}
}

func checkKernel() finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return finding{"kernel", "fail", err.Error(), "csphd runs on Linux"}
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil || major < 5 || major == 5 && minor < 19 {
		return finding{"kernel", "warn", release, "5.19 or newer maps container users without copying images; older ones run apps without user namespaces"}
	}
	return finding{what: "kernel", state: "ok", detail: release}
}

// checkOverlay is content with a module that is not loaded: the kernel loads it at the first mount.
func checkOverlay() finding {
	if b, err := os.ReadFile("/proc/filesystems"); err == nil && strings.Contains(string(b), "\toverlay\n") {
		return finding{what: "overlayfs", state: "ok", detail: "present"}
	}
	if err := exec.Command("modprobe", "--dry-run", "--quiet", "overlay").Run(); err == nil {
		return finding{what: "overlayfs", state: "ok", detail: "a module, not loaded yet"}
	}
	return finding{"overlayfs", "fail", "neither in the kernel nor a module", "use a kernel with overlayfs (CONFIG_OVERLAY_FS)"}
}

func checkCgroups() finding {
	if b, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return haveControllers("v2", strings.Fields(string(b)))
	}
	entries, err := os.ReadDir("/sys/fs/cgroup")
	if err != nil {
		return finding{"cgroups", "fail", err.Error(), "mount the cgroup file system at /sys/fs/cgroup"}
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return haveControllers("v1", names)
}

func haveControllers(version string, have []string) finding {
	for _, c := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(have, c) {
			return finding{"cgroups", "fail", version + ", without " + c, "boot with the " + c + " controller enabled"}
		}
	}
	return finding{what: "cgroups", state: "ok", detail: version + ": cpu, memory, pids"}
}

func checkUserNamespaces() finding {
	b, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	if err != nil || strings.TrimSpace(string(b)) == "0" {
		return finding{"user namespaces", "warn", "disabled", "sysctl -w user.max_user_namespaces=15000; until then root in a container is root on the machine"}
	}
	return finding{what: "user namespaces", state: "ok", detail: "max " + strings.TrimSpace(string(b))}
}

func checkFilter() finding {
	out, err := exec.Command("nft", "list", "tables").CombinedOutput()
	if err != nil {
		return finding{"packet filter", "fail", strings.TrimSpace(string(out) + " " + err.Error()), "apt-get install nftables, and a kernel with nf_tables"}
	}
	return finding{what: "packet filter", state: "ok", detail: "nftables"}
}

func checkForwarding() finding {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil || strings.TrimSpace(string(b)) != "1" {
		return finding{"ip forwarding", "warn", "off", "csphd turns it on at its start; make it stay with net.ipv4.ip_forward=1 in /etc/sysctl.d"}
	}
	return finding{what: "ip forwarding", state: "ok", detail: "on"}
}

func checkBinaries(dir string) []finding {
	var all []finding
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc", "buildkitd", "bridge", "host-local", "loopback", "csph-log", "csph-init", "csph-files", "csph-sftp"} {
		path := filepath.Join(dir, name)
		st, err := os.Stat(path)
		switch {
		case err != nil || st.Mode()&0o111 == 0:
			all = append(all, finding{name, "fail", "not in " + dir, "make build daemons, or --bin-dir"})
		default:
			all = append(all, finding{what: name, state: "ok", detail: path})
		}
	}
	return all
}

func checkTools() []finding {
	var all []finding
	for _, t := range []struct{ name, state, remedy string }{
		{"git", "warn", "apt-get install git; without it pushes are slower and take more memory"},
		{"mmdebstrap", "warn", "apt-get install mmdebstrap; without it base images cannot be made where no registry can be reached"},
	} {
		path, err := exec.LookPath(t.name)
		if err != nil {
			all = append(all, finding{t.name, t.state, "not installed", t.remedy})
			continue
		}
		all = append(all, finding{what: t.name, state: "ok", detail: path})
	}
	return all
}

const wantedDisk = 10 << 30

func checkDisk(state string) finding {
	dir := state
	for {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || dir == "/" {
			break
		}
		dir = filepath.Dir(dir)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return finding{"disk", "fail", err.Error(), "choose another --state"}
	}
	free := fs.Bavail * uint64(fs.Bsize)
	detail := fmt.Sprintf("%d GB free at %s", free>>30, dir)
	if free < wantedDisk {
		return finding{"disk", "warn", detail, fmt.Sprintf("images and build caches want %d GB", wantedDisk>>30)}
	}
	return finding{what: "disk", state: "ok", detail: detail}
}

func checkMemory() finding {
	var si unix.Sysinfo_t
	if err := unix.Sysinfo(&si); err != nil {
		return finding{"memory", "warn", err.Error(), "at least 2 GB are needed"}
	}
	total := uint64(si.Totalram) * uint64(si.Unit)
	detail := fmt.Sprintf("%d MB", total>>20)
	if total < 2<<30 {
		return finding{"memory", "warn", detail, "builds want 2 GB at least"}
	}
	return finding{what: "memory", state: "ok", detail: detail}
}

func checkPorts(c Config) []finding {
	var all []finding
	for _, p := range []struct{ name, addr string }{{"http", c.HTTP}, {"https", c.HTTPS}, {"ssh", c.SSH}, {"api", c.API}} {
		if p.addr == "off" {
			continue
		}
		ln, err := net.Listen("tcp", p.addr)
		if err != nil {
			all = append(all, finding{"port " + p.name, "warn", err.Error(), "csphd itself may hold it; otherwise stop what does, or choose another with --" + p.name})
			continue
		}
		ln.Close()
		all = append(all, finding{what: "port " + p.name, state: "ok", detail: p.addr + " is free"})
	}
	return all
}
