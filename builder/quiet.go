package builder

import (
	"slices"
	"sync"
	"time"

	"csph/logs"
)

// quietFor is how long a build log says nothing before it says what goes on.
const quietFor = 20 * time.Second

// reassure says which step goes on, where nothing was said for a while.
func (p *progress) reassure(now time.Time) {
	goesOn := func(s *stepProgress) bool { return !s.ended && !internalStep(s.name) }
	if i := slices.IndexFunc(p.begun, goesOn); i >= 0 && !p.spoke {
		s := p.begun[i]
		p.log.appendOf(s.id, logs.Step, s.name+"  goes on, "+seconds(now.Sub(s.since))+" so far")
	}
	p.spoke = false
}

// reassuring has tell say text and how long it has been so, again and again until stop is called.
func reassuring(every time.Duration, text string, tell func(line string)) (stop func()) {
	done, began := make(chan struct{}), time.Now()
	var talking sync.WaitGroup
	talking.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				tell(text + "  " + seconds(now.Sub(began)) + " so far")
			}
		}
	})
	return func() {
		close(done)
		talking.Wait()
	}
}
