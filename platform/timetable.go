package platform

import "time"

// ID prefixes of what is done by the clock.
const (
	SchedulePrefix = "sch"
	RunPrefix      = "run"
)

// TriggerSchedule is the kind of a trigger by the clock.
const TriggerSchedule = "schedule"

// Cron is a type of service that has no spherelets of its own: its schedules run commands in its image.
const Cron ServiceType = "cron"

// Routed reports whether requests are routed to services of the type.
func (t ServiceType) Routed() bool { return t != Worker && t != Cron }

// Timer is a schedule of a service: when something is done, and what.
type Timer struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	// Cron has five fields (minute, hour, day of the month, month, day of the week), or is @hourly, @daily, @weekly,
	// @monthly, @yearly or @every DURATION.
	Cron string `json:"cron"`
	Zone string `json:"zone"` // of the IANA database: Europe/Berlin
	// Deploy makes a deployment; otherwise a command is run.
	Deploy  bool     `json:"deploy,omitempty"`
	Command []string `json:"command,omitempty"` // empty: the image's own
	Overlap Overlap  `json:"overlap"`
	// Next is the first planned time that nobody has taken on; zero: never.
	Next    time.Time `json:"next,omitzero"`
	By      string    `json:"by"`
	Created time.Time `json:"created"`
}

// Overlap says what happens at a planned time while the run before is still going on.
type Overlap string

// The ways to deal with it.
const (
	OverlapSkip  Overlap = "skip"  // it is left out, and recorded so
	OverlapQueue Overlap = "queue" // it starts when the one before has ended; a second one that waits is left out
	OverlapAllow Overlap = "allow" // both go on
)

// Run is one planned time of a Timer, and what became of it.
type Run struct {
	ID         string    `json:"id"`
	Schedule   string    `json:"schedule"`
	Service    string    `json:"service"`
	Planned    time.Time `json:"planned"`
	Started    time.Time `json:"started,omitzero"`
	Ended      time.Time `json:"ended,omitzero"`
	Status     RunStatus `json:"status"`
	Exit       *int      `json:"exit_code,omitempty"` // of a command that has ended by itself
	Deployment string    `json:"deployment,omitempty"`
	// Missed is how many planned times this stands for, that passed while csphd did not run.
	Missed  int    `json:"missed,omitempty"`
	Manual  bool   `json:"manual,omitempty"` // asked for by somebody, not planned
	Message string `json:"message,omitempty"`
}

// RunStatus is what became of a run.
type RunStatus string

// Statuses of runs.
const (
	RunWaiting     RunStatus = "waiting" // for the one before
	RunRunning     RunStatus = "running"
	RunSucceeded   RunStatus = "succeeded"
	RunFailed      RunStatus = "failed"
	RunSkipped     RunStatus = "skipped"
	RunMissed      RunStatus = "missed"
	RunInterrupted RunStatus = "interrupted" // csphd was stopped meanwhile; it is not repeated
)

// Over reports whether nothing of the run is to come.
func (s RunStatus) Over() bool { return s != RunWaiting && s != RunRunning }
