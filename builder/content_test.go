package builder

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/opencontainers/image-spec/identity"
	"github.com/tonistiigi/fsutil"

	"csph/buildpacks"
	"csph/platform"
)

// listing is the files below dir of an image in the engine's store, each with its owner.
func (l *lab) listing(ctx context.Context, image platform.Image, dir string) string {
	l.t.Helper()
	ctx = l.inNamespace(ctx)
	found, err := l.engine.GetImage(ctx, image.Ref)
	must(l.t, err)
	layers, err := found.RootFS(ctx)
	must(l.t, err)
	snapshots := l.engine.SnapshotService(snapshotter)
	mounts, err := snapshots.View(ctx, "test-"+image.Ref, identity.ChainID(layers).String())
	must(l.t, err)
	defer snapshots.Remove(ctx, "test-"+image.Ref)
	var s strings.Builder
	must(l.t, mount.WithReadonlyTempMount(ctx, mounts, func(root string) error {
		top := filepath.Join(root, dir)
		return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(top, path)
			fmt.Fprintf(&s, "%s %d\n", rel, info.Sys().(*syscall.Stat_t).Uid)
			return err
		})
	}))
	return s.String()
}

func TestAnImageHoldsWhatThePlanCopiesAndNothingThatIsIgnored(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	dir := source(t, map[string]string{
		".git/HEAD": "ref", ".dockerignore": "secret\n", ".deployignore": "*.log\n", "secret": "x", "deep/app.log": "x", "main.txt": "x", "deep/file": "x",
	})
	plan := buildpacks.Plan{
		Language: "x", BuildImage: debianBase, RunImage: debianBase, User: "1000", Start: "true",
		Steps: []buildpacks.Step{
			{Name: "first", Command: "test -f main.txt; test ! -e deep; mkdir -p node_modules/m; echo m > node_modules/m/index", Inputs: []string{"*.txt", "absent.json"}},
			{Name: "second", Command: "test -f deep/file; test -f node_modules/m/index"},
		},
		Copy:  []buildpacks.Copy{{From: "/app/node_modules", To: "/app/node_modules"}, {From: "/app", To: "/app", Exclude: []string{"node_modules", "main.*"}}},
		Files: map[string]string{"/app/etc/written": "by the plan"},
	}
	image, err := l.Build(ctx, Request{Deployment: "dep_content", Service: "svc_content", Dir: dir, Plan: plan})
	if err != nil {
		t.Fatalf("%v\n%s", err, l.logText("dep_content"))
	}
	want := ".deployignore 1000\n.dockerignore 1000\ndeep/file 1000\netc/written 0\nnode_modules/m/index 1000\n"
	if got := l.listing(ctx, image, "/app"); got != want {
		t.Errorf("the image holds\n%swant\n%s", got, want)
	}
}

// countingFS notes which files are read in order to be sent.
type countingFS struct {
	fsutil.FS
	mu   sync.Mutex
	read []string
}

func (c *countingFS) Open(name string) (io.ReadCloser, error) {
	c.mu.Lock()
	c.read = append(c.read, name)
	c.mu.Unlock()
	return c.FS.Open(name)
}

func TestOnlyChangedFilesOfASourceAreSentAgain(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	dir := source(t, map[string]string{"big": strings.Repeat("x", 1<<20), "deep/same": "1", "small": "1"})
	sent := func(deployment string) []string {
		log, err := l.Log(deployment)
		must(t, err)
		defer log.Close()
		s, err := l.newSolve(Request{Deployment: deployment, Service: "svc_sent", Dir: dir, Plan: shellPlan("cat small")}, log)
		must(t, err)
		counted := &countingFS{FS: s.options.LocalMounts[sourceMount]}
		s.options.LocalMounts[sourceMount] = counted
		run, err := s.plan(ctx)
		must(t, err)
		must(t, s.run(ctx, run))
		slices.Sort(counted.read)
		return counted.read
	}
	if got := sent("dep_sent1"); !slices.Equal(got, []string{"big", "deep/same", "small"}) {
		t.Fatalf("the first build is sent %q", got)
	}
	write(t, dir+"/small", "22")
	if got := sent("dep_sent2"); !slices.Equal(got, []string{"small"}) {
		t.Errorf("the second build is sent %q", got)
	}
	if text := l.logText("dep_sent2"); !strings.Contains(text, "O 22\n") {
		t.Errorf("the change is not seen:\n%s", text)
	}
}
