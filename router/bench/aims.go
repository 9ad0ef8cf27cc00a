package main

import (
	"fmt"
	"time"
)

// aim is what one proxy's cost should be, beside another's in the same run.
type aim struct {
	of, to string
	cost   float64 // at most so many times the other's CPU a request; 0: not compared
	p99    float64 // at most so many times the other's p99; 0: not compared
}

// report collects which figures are as wanted.
type report struct{ lines []line }

type line struct {
	what, got, wanted string
	met               bool
}

func (r *report) add(what, got, wanted string, met bool) {
	r.lines = append(r.lines, line{what, got, wanted, met})
}

// judge compares the proxies that the aims name, where both were measured.
func (r *report) judge(what string, of map[string]series, aims []aim) {
	for _, a := range aims {
		own, other := of[a.of], of[a.to]
		if own == nil || other == nil {
			continue
		}
		name := fmt.Sprintf("%s: %s to %s", what, a.of, a.to)
		if ratio := own.to(other, measurement.microseconds); a.cost > 0 {
			r.add(name, fmt.Sprintf("%.2f × (%.1f to %.1f µs)", ratio, own.cost(), other.cost()), fmt.Sprintf("%.2f ×", a.cost), ratio <= a.cost)
		}
		if ratio := own.to(other, measurement.tail); a.p99 > 0 {
			got := fmt.Sprintf("%.2f × (%v to %v)", ratio, own.p99().Round(10*time.Microsecond), other.p99().Round(10*time.Microsecond))
			r.add(name+", p99", got, fmt.Sprintf("%.2f ×", a.p99), ratio <= a.p99)
		}
	}
}

func (r *report) print() {
	fmt.Printf("\n%-62s %32s %10s\n", "figure", "got", "at most")
	for _, l := range r.lines {
		met := "yes"
		if !l.met {
			met = "MISSED"
		}
		fmt.Printf("%-62s %32s %10s  %s\n", l.what, l.got, l.wanted, met)
	}
}
