package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// figure is one line of the outcome.
type figure struct {
	name, ours, floor string
	value, target     string // the ratio, or the difference
	within            bool
}

var heading = figure{name: "figure", ours: "ours", floor: "floor", value: "ratio", target: "target"}.columns() + "  within"

func (f figure) columns() string {
	return fmt.Sprintf("%-46s %10s %10s %10s %10s", f.name, f.ours, f.floor, f.value, f.target)
}

func (f figure) String() string {
	verdict := "yes"
	if !f.within {
		verdict = "NO"
	}
	return f.columns() + "  " + verdict
}

// ratioOf compares medians; target is the largest ratio.
func ratioOf(name string, ours, floor []time.Duration, target float64) figure {
	o, f := median(ours), median(floor)
	ratio := o.Seconds() / f.Seconds()
	return figure{
		name: name, ours: milliseconds(o), floor: milliseconds(f),
		value: fmt.Sprintf("%.2f ×", ratio), target: fmt.Sprintf("%.2f ×", target), within: ratio <= target,
	}
}

// excessOf compares medians; target is the largest difference.
func excessOf(name string, ours, floor []time.Duration, target time.Duration) figure {
	o, f := median(ours), median(floor)
	return figure{
		name: name, ours: milliseconds(o), floor: milliseconds(f),
		value: signed(milliseconds(o - f)), target: signed(milliseconds(target)), within: o-f <= target,
	}
}

// growthOf compares sizes in bytes; target is the largest difference.
func growthOf(name string, ours, floor, target int64) figure {
	return figure{
		name: name, ours: megabytes(ours), floor: megabytes(floor),
		value: signed(megabytes(ours - floor)), target: signed(megabytes(target)), within: ours-floor < target,
	}
}

// signed is a difference with its sign.
func signed(difference string) string {
	if strings.HasPrefix(difference, "-") {
		return difference
	}
	return "+" + difference
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[min(len(d)-1, int(q*float64(len(d))))]
}
