package builder

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
)

func TestAStepThatIsSilentForLongIsSaidToGoOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	open := newOpenLogs(func(string) string { return path })
	log, err := open.acquire("dep_a")
	must(t, err)
	p := newProgress(log)
	began := time.Now()
	p.reassure(began)
	p.vertex(&client.Vertex{Digest: "sha256:a", Name: "[internal] load", Started: &began})
	p.vertex(&client.Vertex{Digest: "sha256:b", Name: "install", Started: &began})
	p.output(&client.VertexLog{Vertex: "sha256:b", Stream: 1, Data: []byte("one\n")})
	p.reassure(began.Add(20 * time.Second))
	p.reassure(began.Add(40 * time.Second))
	done := began.Add(50 * time.Second)
	p.vertex(&client.Vertex{Digest: "sha256:b", Name: "install", Started: &began, Completed: &done})
	p.reassure(began.Add(60 * time.Second))
	p.reassure(began.Add(80 * time.Second))
	must(t, log.Close())
	want := "S install\nO one\nS install  goes on, 40.0s so far\nS install  50.0s\n"
	if got := readLog(t, path); got != want {
		t.Errorf("the log is\n%swant\n%s", got, want)
	}
}

func TestReassuringEndsWhenItIsTold(t *testing.T) {
	said := make(chan string, 1)
	stop := reassuring(time.Millisecond, "the image is made", func(line string) {
		select {
		case said <- line:
		default: // one is enough
		}
	})
	select {
	case line := <-said:
		if line != "the image is made  0.0s so far" {
			t.Errorf("it says %q", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("it says nothing")
	}
	stop()
	close(said) // whoever would say something now would end the test
}
