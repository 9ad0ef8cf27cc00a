package deploy

import (
	"fmt"
	"time"

	"csph/platform"
)

// tell turns the change of a spherelet's state into notes for the event log.
func (v *vigil) tell(before, now platform.Spherelet, began bool) {
	if began {
		v.notify(vigilNote{platform.EventRunning, now.ID + " runs", now})
	}
	if now.Exits <= before.Exits || now.LastExit == nil {
		return
	}
	switch exit := now.LastExit; {
	case exit.OOM:
		v.notify(vigilNote{platform.EventOutOfMemory, now.ID + " was killed: it ran out of memory", now})
	case now.Exits >= crashLimit:
		v.notify(vigilNote{platform.EventCrashLooping, fmt.Sprintf("%s keeps ending (%d times): %s", now.ID, now.Exits, exitText(*exit)), now})
	default:
		v.notify(vigilNote{platform.EventExited, now.ID + " " + exitText(*exit), now})
	}
}

func (v *vigil) tellProbed(s platform.Spherelet, warning string, err error, took time.Duration) {
	took = took.Round(time.Millisecond)
	switch {
	case err != nil:
		v.notify(vigilNote{platform.EventUnhealthy, fmt.Sprintf("%s is not healthy after %s: %v", s.ID, took, err), s})
	case warning != "":
		v.notify(vigilNote{platform.EventHealthy, fmt.Sprintf("%s is healthy after %s (%s)", s.ID, took, warning), s})
	default:
		v.notify(vigilNote{platform.EventHealthy, fmt.Sprintf("%s is healthy after %s", s.ID, took), s})
	}
}

// exitText says how a process ended.
func exitText(e platform.Exit) string {
	switch {
	case e.Error != "":
		return "could not be started: " + e.Error
	case e.OOM:
		return "was killed for memory"
	case e.Code > 128 && e.Code < 160:
		return fmt.Sprintf("was ended by signal %d", e.Code-128)
	}
	return fmt.Sprintf("exited with status %d", e.Code)
}

// noted publishes a deployment's notes.
func (d *Deployer) noted(dep platform.Deployment) func(vigilNote) {
	return func(n vigilNote) {
		d.publish(dep, platform.Event{Kind: n.kind, Spherelet: n.spherelet.ID, Message: n.message})
	}
}
