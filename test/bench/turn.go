package main

import (
	"context"
	"fmt"
	"time"
)

// taken is what a build took: the time, and the processor time of BuildKit and of its steps. The second is what can be
// compared while other programs keep the machine busy: builds have the lowest weight, and wait for everything else.
type taken struct{ wall, cpu time.Duration }

func (t taken) String() string {
	return fmt.Sprintf("%s (CPU %s)", milliseconds(t.wall), milliseconds(t.cpu))
}

// measured runs a build that tells its time itself.
func (r *race) measured(ctx context.Context, build func(context.Context) (time.Duration, error)) (taken, error) {
	group := r.floor.instance.BuildsCgroup()
	before, err := group.Usage()
	if err != nil {
		return taken{}, fmt.Errorf("measure BuildKit: %w", err)
	}
	wall, err := build(ctx)
	if err != nil {
		return taken{}, err
	}
	after, err := group.Usage()
	if err != nil {
		return taken{}, fmt.Errorf("measure BuildKit: %w", err)
	}
	return taken{wall, after.CPU - before.CPU}, nil
}

// turn is one build each way.
type turn struct{ ours, floor taken }

func (t turn) String() string { return fmt.Sprintf("%s, buildctl %s", t.ours, t.floor) }

type turns []turn

// report compares medians: by their difference where nothing was to be built, else by their ratio.
func (all turns) report(name string, same bool, report func(figure)) {
	var ours, floor, oursCPU, floorCPU []time.Duration
	for _, t := range all {
		ours, floor = append(ours, t.ours.wall), append(floor, t.floor.wall)
		oursCPU, floorCPU = append(oursCPU, t.ours.cpu), append(floorCPU, t.floor.cpu)
	}
	if same {
		report(excessOf(name, ours, floor, sameOver))
		return
	}
	report(ratioOf(name, ours, floor, buildRatio))
	report(ratioOf("CPU of the same", oursCPU, floorCPU, buildRatio))
}
