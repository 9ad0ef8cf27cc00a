package webhook

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestAPushThatTouchesNothingThatIsWatchedIsAnsweredPolitely(t *testing.T) {
	const files = `"added":["apps/web/new.go"],"removed":[],"modified":["README.md"]`
	for name, c := range map[string]struct {
		provider Provider
		body     string
		watch    string
		code     int
	}{
		"touched":               {GitHub, `"commits":[{` + files + `}]`, "apps/web/**", http.StatusAccepted},
		"not touched":           {GitHub, `"commits":[{` + files + `}]`, "apps/api/**", http.StatusOK},
		"no list of files":      {GitHub, `"commits":[{}]`, "apps/api/**", http.StatusAccepted},
		"a branch that is new":  {GitHub, `"created":true,"commits":[{` + files + `}]`, "apps/api/**", http.StatusAccepted},
		"history was rewritten": {GitHub, `"forced":true,"commits":[{` + files + `}]`, "apps/api/**", http.StatusAccepted},
		"a part of the list":    {Gitea, `"total_commits":31,"commits":[{` + files + `}]`, "apps/api/**", http.StatusAccepted},
		"the whole list":        {Gitea, `"total_commits":1,"commits":[{` + files + `}]`, "apps/api/**", http.StatusOK},
		"GitLab, not touched":   {GitLab, `"object_kind":"push","before":"6113728f","total_commits_count":1,"commits":[{` + files + `}]`, "apps/api/**", http.StatusOK},
		"GitLab, a part":        {GitLab, `"object_kind":"push","before":"6113728f","total_commits_count":25,"commits":[{` + files + `}]`, "apps/api/**", http.StatusAccepted},
		"csph's own form":       {Generic, `"commit":"a10867b14bb761a232cd80139fbd4c0d33264240","paths":["apps/web/x"]`, "apps/api/**", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, Hook{Provider: c.provider, Watch: []string{c.watch}})
			body := `{"ref":"refs/heads/main","after":"a10867b14bb761a232cd80139fbd4c0d33264240",` + c.body + `}`
			if code, a := d.send(genuine(c.provider, "push", []byte(body))); code != c.code {
				t.Errorf("%d %+v, want %d", code, a, c.code)
			}
		})
	}
}

// slow is a starter that does not come back for one service.
type slow struct {
	mu      sync.Mutex
	started []string
	release chan struct{}
}

func (s *slow) Start(ctx context.Context, o Order) (string, error) {
	if o.Service == "stuck" {
		select {
		case <-s.release:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, o.ID)
	return "", nil
}

func (s *slow) Wait(context.Context, string) (string, error) { return "", nil }

func TestAServiceWhoseRepositoryHangsHoldsUpNoOther(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitHub})
	s := &slow{release: make(chan struct{})}
	q := NewQueue(d, s, d.queue.log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	q.add(Order{ID: "1", Service: "stuck"}, Order{ID: "2", Service: "stuck"}, Order{ID: "3", Service: "free"})
	until := func(want string) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for {
			s.mu.Lock()
			got := fmt.Sprint(s.started)
			s.mu.Unlock()
			if got == want {
				return
			}
			select {
			case <-time.After(time.Millisecond):
			case <-deadline:
				t.Fatalf("started %s, want %s", got, want)
			}
		}
	}
	until("[3]")
	close(s.release)
	until("[3 1 2]")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
