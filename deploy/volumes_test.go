package deploy_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
)

// volume makes a volume and attaches it to the world's service.
func (w *world) volume(name, path string) platform.Volume {
	w.t.Helper()
	v, err := w.db.CreateVolume(w.t.Context(), platform.Volume{ID: "vol_" + name, Environment: w.svc.Environment, Name: name})
	if err == nil {
		v, err = w.db.Attach(w.t.Context(), v.ID, w.svc.ID, path)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// mounts are those of the set that was declared last.
func (w *world) mounts() []platform.Mount {
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	return w.engine.applied[len(w.engine.applied)-1].Mounts
}

func (w *world) remounted() platform.Deployment {
	w.t.Helper()
	d, deployed, err := w.Remount(w.t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig})
	if err != nil || !deployed {
		w.t.Fatalf("deployed: %v, %v", deployed, err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	if d, err = w.Wait(ctx, d.ID); err != nil || d.Status != platform.Live {
		w.t.Fatalf("it ended %s, %v", d.Status, err)
	}
	return d
}

func TestARollbackNeitherDetachesAVolumeNorBringsOneBack(t *testing.T) {
	w := newWorld(t)
	first := w.mustPush("one", platform.Live)
	if len(w.mounts()) != 0 {
		t.Fatalf("the first version has %v", w.mounts())
	}
	data := []platform.Mount{{Volume: w.volume("data", "/data").ID, Path: "/data"}}
	with := w.remounted()
	if with.Image.Digest != first.Image.Digest || !reflect.DeepEqual(w.mounts(), data) || !reflect.DeepEqual(with.Config.Volumes, data) {
		t.Fatalf("attached, it runs %s with %v", with.Image.Digest, w.mounts())
	}
	rollBack := func(to string) {
		t.Helper()
		d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: to, Restore: true})
		if err != nil || d.Status != platform.Live {
			t.Fatalf("rollback: %s, %v", d.Status, err)
		}
	}
	rollBack(first.ID)
	if !reflect.DeepEqual(w.mounts(), data) {
		t.Errorf("rolled back to before the volume, it has %v", w.mounts())
	}
	if _, err := w.db.Detach(t.Context(), "vol_data", w.svc.ID); err != nil {
		t.Fatal(err)
	}
	rollBack(with.ID)
	if len(w.mounts()) != 0 {
		t.Errorf("rolled back to when it had a volume that is detached, it has %v", w.mounts())
	}
}

func TestAServiceThatDoesNotRunGetsItsVolumesWithTheNextDeployment(t *testing.T) {
	w := newWorld(t)
	w.volume("data", "/data")
	if _, deployed, err := w.Remount(t.Context(), w.svc.ID, platform.Trigger{}); err != nil || deployed {
		t.Fatalf("deployed: %v, %v", deployed, err)
	}
	w.mustPush("one", platform.Live)
	if len(w.mounts()) != 1 {
		t.Errorf("the first version has %v", w.mounts())
	}
}
