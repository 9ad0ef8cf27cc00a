package platform

import "time"

// Runtime is what a source says about how its spherelets run, beyond their command (zerops.yml's sections run and
// deploy). It goes with the image: a rollback brings it back.
type Runtime struct {
	// Env wins over the service's variables (SPEC section 3). References in it are resolved at the start.
	Env    map[string]string `json:"env,omitempty"`
	Launch *Launch           `json:"launch,omitempty"` // nil: the image's command alone
	Ready  *Check            `json:"ready,omitempty"`  // nil: the service's
	Health *Health           `json:"health,omitempty"` // nil: the service's
	// TemporaryShutdown stops the old spherelets before the new ones start.
	TemporaryShutdown bool       `json:"temporary_shutdown,omitempty"`
	Schedules         []Schedule `json:"schedules,omitempty"`
}

// Launch is what happens at every start of a spherelet, restarts included: placeholders in files are replaced, then
// Init runs, then the processes are started. When one process ends, the spherelet ends.
type Launch struct {
	Replace   *Replacement `json:"replace,omitempty"`
	Init      []string     `json:"init,omitempty"` // one after the other; one that fails is logged and stops nothing
	Processes []Process    `json:"processes"`
}

// Replacement puts values of variables in the place of their names between two delimiters.
type Replacement struct {
	Delimiters []string `json:"delimiters"`
	Targets    []string `json:"targets"` // files, and folders for the files right in them; relative to the image's folder
}

// Process is one of several in a spherelet. Commands are run by a shell.
type Process struct {
	Name    string   `json:"name,omitempty"`
	Command string   `json:"command"`
	Dir     string   `json:"dir,omitempty"`  // "": the image's
	Init    []string `json:"init,omitempty"` // as Launch.Init, of this process alone
}

// Schedule is a command that is run in spherelets that are live.
type Schedule struct {
	Command string `json:"command"`
	Timing  string `json:"timing"` // five fields: minute, hour, day of the month, month, day of the week; UTC
	All     bool   `json:"all,omitempty"`
	Dir     string `json:"dir,omitempty"`
}

// Health is the check of a spherelet that is live. Zero times mean the defaults. Its Check's own times are not used.
type Health struct {
	Check
	Failure    time.Duration `json:"failure,omitempty"`    // failing for so long, it is restarted; default 60 s
	Disconnect time.Duration `json:"disconnect,omitempty"` // failing for so long, it gets no requests; default 30 s
	Recovery   time.Duration `json:"recovery,omitempty"`   // passing for so long, it gets them again; default 30 s
	Period     time.Duration `json:"period,omitempty"`     // between two questions; default 10 s
}

// WithDefaults returns h with its zero times filled in.
func (h Health) WithDefaults() Health {
	for _, t := range []struct {
		of        *time.Duration
		otherwise time.Duration
	}{{&h.Failure, time.Minute}, {&h.Disconnect, 30 * time.Second}, {&h.Recovery, 30 * time.Second}, {&h.Period, 10 * time.Second}} {
		if *t.of == 0 {
			*t.of = t.otherwise
		}
	}
	return h
}

// Readiness is what a new spherelet of the deployment must pass: what its source says, else what its service does;
// nil for the default rule.
func (d Deployment) Readiness() *Check {
	if r := d.Image.Runtime; r != nil && r.Ready != nil {
		return r.Ready
	}
	return d.Config.Ready
}

// Health is what the deployment's spherelets are asked while it is live: as its source says, else its service; nil
// for nothing.
func (d Deployment) Health() *Health {
	if r := d.Image.Runtime; r != nil && r.Health != nil {
		return r.Health
	}
	return d.Config.Health
}
