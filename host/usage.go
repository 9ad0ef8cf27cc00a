package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Usage is what the processes of a cgroup use.
type Usage struct {
	CPU       time.Duration // since the group was made
	Memory    int64         // bytes that cannot be given back: without the inactive page cache
	MaxMemory int64         // bytes, the limit; 0 without one
	Processes int64         // processes and threads
	OOMKills  int64         // processes that the kernel has killed for memory
}

// usageFiles names where each version of cgroups keeps a figure, and the key within the file, if any.
type usageFiles struct {
	cpu, memory, inactive, limit, pids, ooms [2]string
	cpuUnit                                  time.Duration
}

var (
	usageV1 = usageFiles{
		cpu: [2]string{"cpuacct.usage"}, cpuUnit: time.Nanosecond,
		memory: [2]string{"memory.usage_in_bytes"}, inactive: [2]string{"memory.stat", "total_inactive_file"},
		limit: [2]string{"memory.limit_in_bytes"}, pids: [2]string{"pids.current"}, ooms: [2]string{"memory.oom_control", "oom_kill"},
	}
	usageV2 = usageFiles{
		cpu: [2]string{"cpu.stat", "usage_usec"}, cpuUnit: time.Microsecond,
		memory: [2]string{"memory.current"}, inactive: [2]string{"memory.stat", "inactive_file"},
		limit: [2]string{"memory.max"}, pids: [2]string{"pids.current"}, ooms: [2]string{"memory.events", "oom_kill"},
	}
)

// noLimit is the least of the figures that cgroup v1 writes for "no limit": the largest multiple of the page size.
const noLimit = 1 << 62

// Usage reads what the group uses now. A group that is not there is an error.
func (c Cgroup) Usage() (Usage, error) {
	if !c.Exists() {
		return Usage{}, fmt.Errorf("read the usage of cgroup %s: it is not there", c.path)
	}
	files := usageV1
	if c.root.unified {
		files = usageV2
	}
	u := Usage{
		CPU:       time.Duration(c.figure(files.cpu)) * files.cpuUnit,
		Memory:    max(0, c.figure(files.memory)-c.figure(files.inactive)),
		MaxMemory: c.figure(files.limit),
		Processes: c.figure(files.pids),
		OOMKills:  c.figure(files.ooms),
	}
	if u.MaxMemory >= noLimit {
		u.MaxMemory = 0
	}
	return u, nil
}

// figure reads one number: the whole file, or the value of a key in it; 0 when it is not there.
func (c Cgroup) figure(at [2]string) int64 {
	text := c.file(at[0])
	if at[1] != "" {
		text = valueOf(text, at[1])
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0 // "max", or a controller that this kernel does not have
	}
	return n
}

// valueOf finds the value in "key value" lines.
func valueOf(text, key string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			return v
		}
	}
	return ""
}
