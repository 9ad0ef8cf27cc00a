package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"csph/platform"
)

// longestCommand is how long a scheduled command may run; it is killed then.
const longestCommand = time.Hour

// keepSchedules runs the scheduled commands of a live deployment (run.crontab of zerops.yml) until a newer version has
// taken over. Runs of one command never overlap: one that takes longer than to its next time skips that.
func (d *Deployer) keepSchedules(dep platform.Deployment, v *vigil) {
	if dep.Image.Runtime == nil {
		return
	}
	for _, s := range dep.Image.Runtime.Schedules {
		timing, err := cron.ParseStandard(s.Timing)
		if err != nil { // checked when zerops.yml was read
			d.Logger.Error("a schedule cannot be followed", "deployment", dep.ID, "timing", s.Timing, "err", err)
			continue
		}
		v.wg.Go(func() { v.repeat(timing, func(ctx context.Context) { d.runSchedule(ctx, dep, v, s) }) })
	}
}

// repeat calls run at the times that timing says, in UTC.
func (v *vigil) repeat(timing cron.Schedule, run func(context.Context)) {
	for {
		timer := time.NewTimer(time.Until(timing.Next(time.Now().UTC())))
		select {
		case <-timer.C:
			run(v.ctx)
		case <-v.retired:
			timer.Stop()
			return
		case <-v.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// runSchedule runs a command once, in one spherelet or in all that are ready.
func (d *Deployer) runSchedule(ctx context.Context, dep platform.Deployment, v *vigil, s platform.Schedule) {
	ctx, cancel := context.WithTimeout(ctx, longestCommand)
	defer cancel()
	command := s.Command
	if s.Dir != "" {
		command = "cd '" + strings.ReplaceAll(s.Dir, "'", `'\''`) + "' && " + command
	}
	for _, spherelet := range v.onDuty(s.All) {
		began := time.Now()
		exit, said, err := d.Engine.Ask(ctx, spherelet.ID, []string{"/bin/sh", "-c", command})
		if ctx.Err() != nil && v.ctx.Err() != nil {
			return
		}
		message := fmt.Sprintf("%q in %s ended with status %d after %s", s.Command, spherelet.ID, exit, time.Since(began).Round(time.Millisecond))
		if err != nil {
			message = fmt.Sprintf("%q in %s could not be run: %v", s.Command, spherelet.ID, err)
		} else if last := lastLine(said); exit != 0 && last != "" {
			message += ": " + last
		}
		d.publish(dep, platform.Event{Kind: platform.EventSchedule, Spherelet: spherelet.ID, Status: fmt.Sprint(exit), Message: message})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// onDuty lists the spherelets that are ready, the oldest first; only that one unless all are wanted.
func (v *vigil) onDuty(all bool) []platform.Spherelet {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ready []platform.Spherelet
	for _, p := range v.posts {
		if p.ready && !p.excused {
			ready = append(ready, p.Spherelet)
		}
	}
	slices.SortFunc(ready, func(a, b platform.Spherelet) int { return cmp.Compare(a.ID, b.ID) })
	if !all && len(ready) > 1 {
		ready = ready[:1]
	}
	return ready
}
