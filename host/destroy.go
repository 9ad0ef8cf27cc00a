package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Leftovers names everything of the instance that is on the machine outside its state folder, one short
// phrase each: cgroups, their processes, network interfaces, packet filter tables, mounts. A running
// instance has some; one that was destroyed has none.
func (i *Instance) Leftovers(ctx context.Context) ([]string, error) {
	var found []string
	for _, c := range i.topCgroups() {
		left, err := c.describe()
		if err != nil {
			return nil, err
		}
		found = append(found, left...)
	}
	links, err := i.links()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		found = append(found, "interface "+l)
	}
	tables, err := i.tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		found = append(found, "table "+t)
	}
	mounts, err := MountsUnder(i.Dir)
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		found = append(found, "mount "+m)
	}
	return found, nil
}

// Destroy removes everything that Leftovers lists, processes first, and takes the instance off the
// machine's list. The state folder stays. It goes on after an error and returns them all.
func (i *Instance) Destroy(ctx context.Context) error {
	var errs []error
	for _, c := range i.topCgroups() {
		errs = append(errs, c.Kill(ctx), c.Remove(ctx))
	}
	mounts, err := MountsUnder(i.Dir)
	errs = append(errs, err)
	for _, m := range slices.Backward(mounts) {
		if err := syscall.Unmount(m, syscall.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", m, err))
		}
	}
	links, err := i.links()
	errs = append(errs, err)
	for _, l := range links {
		if err := deleteLink(l); err != nil {
			errs = append(errs, fmt.Errorf("remove interface %s: %w", l, err))
		}
	}
	tables, err := i.tables(ctx)
	errs = append(errs, err)
	for _, t := range tables {
		errs = append(errs, nft(ctx, "delete table "+t))
	}
	errs = append(errs, i.leaveRegistry(), ignoreGone(os.Remove(filepath.Join(i.Dir, networksFile))))
	return errors.Join(errs...)
}

func (i *Instance) leaveRegistry() error {
	reg, err := lockRegistry(registryDir)
	if err != nil {
		return err
	}
	defer reg.unlock()
	return reg.drop(i.ID)
}

// topCgroups are the groups that hold all others of the instance.
func (i *Instance) topCgroups() []Cgroup {
	return []Cgroup{i.AppsCgroup(), i.BuildsCgroup(), i.DaemonCgroup("")}
}

// describe names the group, those below it, and their processes.
func (c Cgroup) describe() ([]string, error) {
	var found []string
	err := c.walk(func(dir string) error {
		found = append(found, "cgroup "+dir)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list cgroup %s: %w", c.path, err)
	}
	pids, err := c.Processes()
	for _, pid := range pids {
		found = append(found, fmt.Sprintf("process %d in cgroup %s", pid, c.path))
	}
	return found, err
}

// MountsUnder lists the mount points below dir, in the order they were mounted.
func MountsUnder(dir string) ([]string, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var found []string
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 5 {
			continue
		}
		if m := unescape.Replace(string(f[4])); strings.HasPrefix(m, dir+"/") {
			found = append(found, m)
		}
	}
	return found, nil
}
