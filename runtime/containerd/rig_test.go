package containerd

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"csph/daemon"
	"csph/host"
	"csph/logs"
	"csph/platform"
)

const patience = 20 * time.Second

// Images of the test's app: run by root, run by an unprivileged user, and without anything to run.
const (
	appImage  = "test.invalid/app:root"
	userImage = "test.invalid/app:user"
	bareImage = "test.invalid/app:bare"
)

// binaries is a folder with the daemons, the logger and the test's app, made once for all tests.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "csph-bin-")
	if err != nil {
		return "", err
	}
	daemons, err := filepath.Abs("../../bin")
	if err != nil {
		return "", err
	}
	for _, b := range []string{"containerd", "containerd-shim-runc-v2", "runc"} {
		if err := os.Symlink(filepath.Join(daemons, b), filepath.Join(dir, b)); err != nil {
			return "", err
		}
	}
	for out, pkg := range map[string]string{"csph-log": "csph/cmd/csph-log", "app": "./testdata/app"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, out), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w: %s", pkg, err, b)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := binaries(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// rig is a containerd of its own with an engine on it, for one test.
type rig struct {
	t    testing.TB
	inst *host.Instance
	cfg  Config
	ctrd *daemon.Process
	eng  *Engine
	stop func() // ends the engine, as csphd's end does
	http http.Client
}

func newRig(t testing.TB) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "rt-")
	if err != nil {
		t.Fatal(err)
	}
	return newRigIn(t, dir)
}

// newRigIn makes a rig with its state in dir, which is removed with it.
func newRigIn(t testing.TB, dir string) *rig {
	t.Helper()
	if testing.Short() {
		t.Skip("needs containerd and root")
	}
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	inst, err := host.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	r := &rig{t: t, inst: inst, cfg: Config{Instance: inst, Bin: bin, BoostTime: time.Millisecond, Logger: logger}, http: http.Client{Timeout: 5 * time.Second}}
	t.Cleanup(r.destroy)
	if err := inst.Fence(t.Context(), host.Openings{}); err != nil {
		t.Fatal(err)
	}
	r.startContainerd()
	r.startEngine()
	r.load(appImage, v1.Config{Entrypoint: []string{"/app"}, WorkingDir: "/"})
	return r
}

func (r *rig) startContainerd() {
	r.t.Helper()
	spec, err := Daemon(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ctrd = daemon.New(spec)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.ctrd.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.awaitContainerd()
}

func (r *rig) awaitContainerd() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.ctrd.WaitReady(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// startEngine is what csphd does at start.
func (r *rig) startEngine() {
	r.t.Helper()
	eng, err := New(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- eng.Run(ctx) }()
	r.eng = eng
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(r.stop)
	if err := eng.Recover(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// restartEngine is what a restart of csphd does.
func (r *rig) restartEngine() {
	r.t.Helper()
	r.stop()
	r.startEngine()
}

// destroy runs last: containerd has ended by then, as when csphd destroy is called.
func (r *rig) destroy() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.inst.Destroy(ctx); err != nil {
		r.t.Error(err)
	}
	if left, err := r.inst.Leftovers(ctx); err != nil || len(left) > 0 {
		r.t.Errorf("left behind after destroy: %v, %v", left, err)
	}
	if err := os.RemoveAll(r.inst.Dir); err != nil {
		r.t.Error(err)
	}
}

// load puts an image of the test's app into containerd.
func (r *rig) load(ref string, config v1.Config) {
	r.t.Helper()
	img, err := appImageOf(r.cfg.bin("app"), config)
	if err != nil {
		r.t.Fatal(err)
	}
	var archive bytes.Buffer
	tag, err := name.NewTag(ref)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := tarball.Write(tag, img, &archive); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.eng.ctrd.Import(r.t.Context(), &archive); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.eng.image(r.t.Context(), platform.Image{Ref: ref}); err != nil {
		r.t.Fatal(err)
	}
}

func appImageOf(binary string, config v1.Config) (v1.Image, error) {
	b, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		add := func(name string, mode int64, body []byte) {
			w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(body)), Typeflag: tar.TypeReg})
			w.Write(body)
		}
		add("app", 0o755, b)
		add("text", 0o755, []byte("not a program"))
		add("etc/passwd", 0o644, []byte("root:x:0:0::/root:/app\nweb:x:1000:1001::/home:/app\n"))
		add("etc/group", 0o644, []byte("root:x:0:\nweb:x:1001:\nextra:x:2000:web\n"))
		return io.NopCloser(&layer), w.Close()
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", config
	return mutate.ConfigFile(img, file)
}

// set is a declaration of the test's app.
func (r *rig) set(deployment string) platform.Set {
	shape, err := platform.ShapeNamed(platform.DefaultShape)
	if err != nil {
		r.t.Fatal(err)
	}
	return platform.Set{
		Deployment: deployment, Service: "svc_1", Project: "prj_1", Hostname: "web", Image: platform.Image{Ref: appImage},
		Env: map[string]string{"PORT": "8080", "NAME": deployment}, Port: 8080, Shape: shape, Count: 1, Grace: 5 * time.Second,
	}
}

// apply declares a set and waits until all of it runs and answers.
func (r *rig) apply(s platform.Set) []platform.Spherelet {
	r.t.Helper()
	if err := r.eng.Apply(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
	return r.await(s.Deployment, s.Count)
}

// await waits until exactly count spherelets of a deployment run and answer.
func (r *rig) await(deployment string, count int) []platform.Spherelet {
	r.t.Helper()
	all := map[string]platform.Spherelet{}
	r.until(deployment, func(s platform.Spherelet) bool {
		if all[s.ID] = s; s.State == platform.Gone {
			delete(all, s.ID)
		}
		running := 0
		for _, s := range all {
			if s.State == platform.Running {
				running++
			}
		}
		return running == count && len(all) == count
	})
	var out []platform.Spherelet
	for _, s := range all {
		r.answers(s.Address)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b platform.Spherelet) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// until watches a deployment until done says so, and returns the state that it said so of.
func (r *rig) until(deployment string, done func(platform.Spherelet) bool) platform.Spherelet {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	var seen []string
	for s := range r.eng.Watch(ctx, deployment) {
		seen = append(seen, fmt.Sprintf("%s %s exits=%d %+v", s.ID, s.State, s.Exits, s.LastExit))
		if done(s) {
			return s
		}
	}
	r.t.Fatalf("what was waited for did not happen; seen:\n%s", strings.Join(seen, "\n"))
	return platform.Spherelet{}
}

// answers waits until the app at addr listens.
func (r *rig) answers(addr netip.AddrPort) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if _, err := r.ask(addr, "/"); err == nil {
			return
		} else if time.Now().After(deadline) {
			r.t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// ask sends a request to the app; the error holds what the app says went wrong.
func (r *rig) ask(addr netip.AddrPort, path string, params ...string) (string, error) {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	resp, err := r.http.Get("http://" + addr.String() + path + "?" + q.Encode())
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(b))
	}
	return string(b), err
}

// remove removes a deployment and checks that nothing of it is left.
func (r *rig) remove(deployment string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := r.eng.Remove(ctx, deployment, time.Second); err != nil {
		r.t.Fatal(err)
	}
}

// log returns the texts of a spherelet's log.
func (r *rig) log(deployment, spherelet string) []string {
	r.t.Helper()
	lines, err := logs.Read(r.eng.LogPath(deployment, spherelet), logs.Query{})
	if err != nil {
		r.t.Fatal(err)
	}
	var texts []string
	for _, l := range lines {
		texts = append(texts, string(rune(l.Stream))+" "+l.Text)
	}
	return texts
}
