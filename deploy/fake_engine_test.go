package deploy_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"csph/deploy"
	"csph/platform"
)

// fakeEngine runs every spherelet at once, unless told how they end.
type fakeEngine struct {
	mu       sync.Mutex
	applied  []platform.Set
	story    []string // what was applied and removed, in order
	all      map[string]platform.Spherelet
	watchers []chan platform.Spherelet
	end      *platform.Exit // how new spherelets end, crashLimit times
	once     int            // exit status of RunOnce
	onces    int            // how often it was called
	onceRan  []string       // the last command
	next     int
}

func newFakeEngine() *fakeEngine { return &fakeEngine{all: map[string]platform.Spherelet{}} }

func (e *fakeEngine) Apply(_ context.Context, set platform.Set) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.applied = append(e.applied, set)
	e.story = append(e.story, "apply "+set.Deployment)
	have := 0
	for _, s := range e.all {
		if s.Deployment == set.Deployment {
			have++
		}
	}
	for _, s := range e.newest(set.Deployment, have-set.Count) {
		s.State = platform.Gone
		e.put(s)
	}
	for range set.Count - have {
		e.next++
		s := platform.Spherelet{
			ID: fmt.Sprintf("sph_%03d", e.next), Deployment: set.Deployment, Service: set.Service, State: platform.Running,
			Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(e.next)}), uint16(set.Port)), Started: time.Now(),
		}
		if e.end != nil {
			s.State, s.Exits, s.LastExit = platform.BackOff, 3, e.end
		}
		e.put(s)
	}
	return nil
}

// newest are the last n spherelets of a deployment. e.mu is held.
func (e *fakeEngine) newest(deployment string, n int) []platform.Spherelet {
	if n <= 0 {
		return nil
	}
	all := e.list(deployment)
	return all[len(all)-n:]
}

// list are the spherelets of a deployment in the order they were made. e.mu is held.
func (e *fakeEngine) list(deployment string) []platform.Spherelet {
	var found []platform.Spherelet
	for _, id := range slices.Sorted(maps.Keys(e.all)) {
		if s := e.all[id]; deployment == "" || s.Deployment == deployment {
			found = append(found, s)
		}
	}
	return found
}

// put makes s the state of its spherelet. e.mu is held.
func (e *fakeEngine) put(s platform.Spherelet) {
	e.all[s.ID] = s
	if s.State == platform.Gone {
		delete(e.all, s.ID)
	}
	for _, w := range e.watchers {
		w <- s
	}
}

func (e *fakeEngine) Watch(ctx context.Context, deployment string) <-chan platform.Spherelet {
	e.mu.Lock()
	defer e.mu.Unlock()
	in, out := make(chan platform.Spherelet, 1000), make(chan platform.Spherelet)
	for _, s := range e.all {
		in <- s
	}
	e.watchers = append(e.watchers, in)
	go func() {
		defer close(out)
		for {
			select {
			case s := <-in:
				if deployment != "" && s.Deployment != deployment {
					continue
				}
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (e *fakeEngine) Spherelets(deployment string) []platform.Spherelet {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list(deployment)
}

func (e *fakeEngine) Tail(string, int) ([]string, error) { return []string{"last words"}, nil }

func (e *fakeEngine) Remove(_ context.Context, deployment string, _ time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.story = append(e.story, "remove "+deployment)
	for _, s := range e.all {
		if s.Deployment == deployment {
			s.State = platform.Gone
			e.put(s)
		}
	}
	return nil
}

func (e *fakeEngine) Restart(_ context.Context, spherelet string, _ time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.all[spherelet]
	if !ok {
		return platform.ErrNotFound
	}
	s.State, s.Exits = platform.BackOff, s.Exits+1
	s.LastExit = &platform.Exit{Code: 143, At: time.Now()}
	e.put(s)
	s.State, s.Started = platform.Running, time.Now()
	e.put(s)
	return nil
}

func (e *fakeEngine) Ask(_ context.Context, spherelet string, command []string) (int, string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.story = append(e.story, "ask "+spherelet+" "+command[len(command)-1])
	return 1, "tidying\nnothing to tidy\n", nil
}

func (e *fakeEngine) RunOnce(_ context.Context, _ platform.Set, command []string, log deploy.BuildLog) (int, error) {
	log.Line("migrating")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onces++
	e.onceRan = command
	return e.once, nil
}

// change edits the spherelets of a deployment.
func (e *fakeEngine) change(deployment string, f func(*platform.Spherelet)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.all {
		if s.Deployment == deployment {
			f(&s)
			e.put(s)
		}
	}
}

func (e *fakeEngine) deployments() []string {
	var ids []string
	for _, s := range e.Spherelets("") {
		if !slices.Contains(ids, s.Deployment) {
			ids = append(ids, s.Deployment)
		}
	}
	slices.Sort(ids)
	return ids
}

func (e *fakeEngine) sets() []platform.Set {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.applied)
}
