package builder

import (
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"csph/host"
)

// expectedMemory is what a build is expected to take, in bytes, where its limit is not less: most take far less
// than their limit, and waiting until all of it is free would let few machines build two apps at once.
const expectedMemory = 2 << 30

// room knows what the machine has left for one more build. Its methods are called from any goroutine.
type room struct {
	host   *host.Instance
	memory int64 // bytes that a build is expected to take
	cpus   int

	mu     sync.Mutex
	before cpuSample
}

// cpuSample is what all spherelets together had used at a time.
type cpuSample struct {
	at   time.Time
	used time.Duration
	busy float64 // CPUs in use between the two samples before
}

func newRoom(i *host.Instance, limit int64) *room {
	return &room{host: i, memory: min(limit, expectedMemory), cpus: goruntime.NumCPU()}
}

// full says why there is no room for a build beside the running ones; "" when there is. What spherelets are
// promised and do not use yet counts as used, and what running builds are expected to take, too. A machine that
// does not tell its memory is not full.
func (r *room) full(running []*ticket) string {
	if free, ok := r.freeMemory(running); ok && free < r.memory {
		return fmt.Sprintf("waiting for memory: a build needs %s, and apps and running builds leave %s", gigabytes(r.memory), gigabytes(max(0, free)))
	}
	if busy := r.appsBusy(); float64(r.cpus)-busy < float64(len(running))+0.5 {
		return fmt.Sprintf("waiting for a free CPU: apps use %.1f of %d, and builds running: %d", busy, r.cpus, len(running))
	}
	return ""
}

func (r *room) freeMemory(running []*ticket) (free int64, ok bool) {
	available := memoryFigure("MemAvailable:")
	if available == 0 {
		return 0, false
	}
	for _, t := range running {
		available -= unclaimed(r.host.BuildCgroup(t.service), r.memory)
	}
	apps := r.host.AppsCgroup()
	names, err := apps.Children()
	if err != nil {
		return available, true
	}
	for _, name := range names {
		available -= unclaimed(apps.Child(name), 0)
	}
	return available, true
}

// unclaimed is how much more memory the group may take than it has: up to promised, or up to its limit where
// that is 0.
func unclaimed(c host.Cgroup, promised int64) int64 {
	u, err := c.Usage()
	if err != nil {
		return promised // it has not begun, or has just ended
	}
	if promised == 0 {
		promised = u.MaxMemory
	}
	return max(0, promised-u.Memory)
}

// appsBusy is how many CPUs the spherelets have used since it was last asked, a second ago or longer.
func (r *room) appsBusy() float64 {
	u, err := r.host.AppsCgroup().Usage()
	if err != nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if since := now.Sub(r.before.at); since >= roomEvery {
		busy := 0.0
		if !r.before.at.IsZero() {
			busy = (u.CPU - r.before.used).Seconds() / since.Seconds()
		}
		r.before = cpuSample{at: now, used: u.CPU, busy: busy}
	}
	return r.before.busy
}

// memoryFigure is a line of /proc/meminfo (proc(5)) in bytes, 0 when it cannot be read.
func memoryFigure(name string) int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == name {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
