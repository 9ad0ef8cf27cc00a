package runtime

import "time"

const (
	// firstRestart is nearly at once: most exits are a single crash, and nobody is served meanwhile.
	firstRestart = 50 * time.Millisecond
	// secondRestart doubles from restart to restart, up to longestRestart.
	secondRestart  = time.Second
	longestRestart = 5 * time.Minute
	// StableAfter is how long a process must have run for its earlier exits to be forgotten.
	StableAfter = 10 * time.Minute
)

// Backoff spaces the restarts of one process: the first nearly at once, then after 1 s, 2 s, 4 s … 5 min.
// The zero value is ready. It is not safe for concurrent use.
type Backoff struct{ restarts int }

// Next returns how long to wait before starting again a process that ran for ran before it ended; 0 when
// it did not start at all.
func (b *Backoff) Next(ran time.Duration) time.Duration {
	if ran >= StableAfter {
		b.restarts = 0
	}
	b.restarts++
	if b.restarts == 1 {
		return firstRestart
	}
	wait := secondRestart
	for n := 2; n < b.restarts && wait < longestRestart; n++ {
		wait *= 2
	}
	return min(wait, longestRestart)
}
