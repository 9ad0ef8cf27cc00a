package containerd

import (
	"errors"
	"io/fs"
	"time"

	"csph/host"
)

const (
	// boostCPU is what a spherelet of a small shape may use while it starts, in thousandths of a vCPU: starting
	// is most of the work that many apps ever do at once, and every deployment waits for it.
	boostCPU = 1000
	// BoostTime is how long the boost lasts where the configuration says nothing else, from the start of the process.
	BoostTime = 10 * time.Second
)

// limitCPU puts a CPU quota on a task that is made and not started: the app never runs without one.
func (j *job) limitCPU(milli int64) error {
	return j.e.inst.AppCgroup(j.id).Limit(host.Limits{MilliCPU: milli})
}

// startCPU is the quota that a spherelet starts with. A command that is run once has its shape's.
func (j *job) startCPU() int64 {
	if j.single {
		return j.set.Shape.MilliCPU
	}
	return max(j.set.Shape.MilliCPU, boostCPU)
}

// calm ends the boost of the process that was started last, once its time is over. The func it returns
// is called when that process has ended.
func (m *member) calm() (stop func() bool) {
	left := max(0, m.e.cfg.BoostTime-time.Since(m.started))
	return time.AfterFunc(left, func() {
		if err := m.limitCPU(m.set.Shape.MilliCPU); err != nil && !errors.Is(err, fs.ErrNotExist) && !m.ending() {
			m.e.cfg.Logger.Warn("a spherelet keeps the CPU quota of its start", "spherelet", m.id, "err", err)
		}
	}).Stop
}
