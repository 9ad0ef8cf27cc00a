package main

import (
	"testing"
	"time"
)

func TestDifferencesHaveOneSign(t *testing.T) {
	const second = time.Second
	for want, f := range map[string]figure{
		"-98.0 ms": excessOf("", []time.Duration{second}, []time.Duration{second + 98*time.Millisecond}, second),
		"+98.0 ms": excessOf("", []time.Duration{second + 98*time.Millisecond}, []time.Duration{second}, second),
		"+0.0 ms":  excessOf("", []time.Duration{second}, []time.Duration{second}, second),
		"-2.0 MB":  growthOf("", 1<<20, 3<<20, 5<<20),
		"+2.0 MB":  growthOf("", 3<<20, 1<<20, 5<<20),
	} {
		if f.value != want || !f.within || f.target[0] != '+' {
			t.Errorf("%q with the target %q, within it: %v; want %q", f.value, f.target, f.within, want)
		}
	}
}
