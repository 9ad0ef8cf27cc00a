package containerd

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/oci"

	"csph/platform"
	"csph/runtime"
)

// rawStart is the floor: the least that starts the app with containerd and gives it the same network.
func (r *rig) rawStart(ctx context.Context, id string) func() {
	img, err := r.eng.ctrd.GetImage(ctx, appImage)
	r.check(err)
	n, addr, err := r.eng.addrs.take("prj_raw")
	r.check(err)
	c, err := r.eng.ctrd.NewContainer(ctx, id, client.WithImage(img), client.WithSnapshotter(snapshotter), client.WithNewSnapshot(id, img),
		client.WithNewSpec(oci.WithDefaultSpec(), oci.WithImageConfig(img), oci.WithEnv([]string{"PORT=8080"}), oci.WithCgroup(r.inst.AppCgroup(id).Path())),
		client.WithRuntime(runcRuntime, &runcoptions.Options{BinaryName: r.cfg.bin("runc")}))
	r.check(err)
	task, err := c.NewTask(ctx, cio.NullIO)
	r.check(err)
	r.check(r.inst.Attach(n, addr, int(task.Pid())))
	r.check(task.Start(ctx))
	r.firstAnswer(netip.AddrPortFrom(addr, 8080))
	return func() {
		r.check(discard(ctx, task))
		r.check(c.Delete(ctx, client.WithSnapshotCleanup))
		r.check(r.eng.addrs.release("prj_raw", addr))
	}
}

// firstAnswer asks as tightly as can be until the app answers.
func (r *rig) firstAnswer(addr netip.AddrPort) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		resp, err := http.Get("http://" + addr.String() + "/")
		if err == nil {
			resp.Body.Close()
			return
		}
	}
	r.t.Fatal("no answer from ", addr)
}

// ready declares a set and waits, as a rollout does, until every spherelet of it is ready.
func (r *rig) ready(ctx context.Context, set platform.Set) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	watch := r.eng.Watch(ctx, set.Deployment)
	r.check(r.eng.Apply(ctx, set))
	probes := make(chan error, set.Count)
	probed := map[string]bool{}
	for len(probed) < set.Count {
		s := <-watch
		if s.State == platform.Running && !probed[s.ID] {
			probed[s.ID] = true
			go func() {
				_, err := (runtime.Prober{}).Ready(ctx, s, nil)
				probes <- err
			}()
		}
	}
	for range set.Count {
		r.check(<-probes)
	}
}

// BenchmarkStart compares the time from nothing to the first answer with containerd's own, in turns.
func BenchmarkStart(b *testing.B) {
	r := newRig(b)
	keep := r.set("dep_keep") // keeps the project's network, as a live deployment does
	r.ready(b.Context(), keep)
	var raw, own, removal time.Duration
	n := 0
	for b.Loop() {
		n++
		began := time.Now()
		undo := r.rawStart(b.Context(), fmt.Sprint("raw", n))
		raw += time.Since(began)
		undo()
		set := r.set(fmt.Sprint("dep_", n))
		began = time.Now()
		r.ready(b.Context(), set)
		own += time.Since(began)
		began = time.Now()
		r.remove(set.Deployment)
		removal += time.Since(began)
	}
	r.remove("dep_keep")
	b.ReportMetric(float64(raw.Milliseconds())/float64(n), "raw-ms")
	b.ReportMetric(float64(own.Milliseconds())/float64(n), "ready-ms")
	b.ReportMetric(float64(own)/float64(raw), "ready/raw")
	b.ReportMetric(float64(removal.Milliseconds())/float64(n), "remove-ms")
}

// BenchmarkStartOfTen is the same with ten spherelets at once.
func BenchmarkStartOfTen(b *testing.B) {
	r := newRig(b)
	n := 0
	for b.Loop() {
		n++
		set := r.set(fmt.Sprint("dep_", n))
		set.Count = 10
		r.ready(b.Context(), set)
		b.StopTimer()
		r.remove(set.Deployment)
		b.StartTimer()
	}
}

// BenchmarkWatch is what one change of state costs with a hundred watchers.
func BenchmarkWatch(b *testing.B) {
	h := newHub()
	for range 100 {
		seen := h.watch(b.Context(), "dep_1")
		go func() {
			for range seen {
			}
		}()
	}
	for b.Loop() {
		h.publish(platform.Spherelet{ID: "sph_1", Deployment: "dep_1"})
	}
}
