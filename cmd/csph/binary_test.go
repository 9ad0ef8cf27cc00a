package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheCommandLinksNothingOfTheServer keeps csph small and quick to start: what it must not import,
// not even by way of another package.
func TestTheCommandLinksNothingOfTheServer(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(out))
	// What draws builds is BuildKit's, and brings some of it along.
	if out, err = exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/moby/buildkit/util/progress/progressui").Output(); err != nil {
		t.Fatal(err)
	}
	drawing := strings.Fields(string(out))
	if !slices.Contains(all, "csph/api/client") {
		t.Fatalf("the list is not what it should be: %v", all)
	}
	for _, path := range all {
		if slices.Contains(drawing, path) {
			continue
		}
		for _, not := range []string{
			"csph/api", "csph/store", "csph/deploy", "csph/gitd", "csph/router", "csph/builder", "csph/runtime", "csph/host", "csph/daemon",
			"github.com/containerd/", "github.com/moby/buildkit/", "github.com/danielgtaylor/", "modernc.org/", "github.com/go-git/", "google.golang.org/grpc",
		} {
			if path == not || strings.HasSuffix(not, "/") && strings.HasPrefix(path, not) || strings.HasPrefix(not, "csph/") && not != "csph/api" && strings.HasPrefix(path, not+"/") {
				t.Errorf("csph links %s", path)
			}
		}
	}
}

// Limits of the built command.
const (
	maxSize  = 25 << 20
	maxStart = 30 * time.Millisecond
)

// TestTheCommandIsSmallAndStartsAtOnce measures a static build; the quickest of several starts counts,
// since the machine may be busy.
func TestTheCommandIsSmallAndStartsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csph")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxSize {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	best := time.Hour
	for range 20 {
		began := time.Now()
		if err := exec.CommandContext(t.Context(), path, "version").Run(); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
	}
	t.Logf("%.1f MB, starts in %s", float64(info.Size())/(1<<20), best)
	if best > maxStart {
		t.Errorf("starts in %s", best)
	}
}
