package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"csph/api/wire"
	"csph/platform"
)

func TestAVolumeIsCreatedAttachedMovedAndDeleted(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	w.live(t, svc.ID)
	made, err := w.CreateVolume(t.Context(), wire.NewVolume{Name: "data", Service: "web", Path: "/data"})
	if err != nil || made.Volume.SizeMB != 1024 || len(made.Deployments) != 1 || len(made.Volume.Attached) != 1 {
		t.Fatalf("made %+v, %v", made, err)
	}
	w.Deployer.Settled(t, made.Deployments[0].ID)
	for name, refused := range map[string]struct {
		want error
		do   func() error
	}{
		"twice": {platform.ErrConflict, func() error {
			_, err := w.CreateVolume(t.Context(), wire.NewVolume{Name: "data"})
			return err
		}},
		"at a path that is the kernel's": {platform.ErrInvalid, func() error {
			_, err := w.CreateVolume(t.Context(), wire.NewVolume{Name: "proc", Service: "web", Path: "/proc/x"})
			return err
		}},
		"deleted while attached": {platform.ErrConflict, func() error { return w.DeleteVolume(t.Context(), "data") }},
		"where it is not": {platform.ErrNotFound, func() error {
			_, err := w.DetachVolume(t.Context(), "data", wire.Detachment{Service: w.service(t, "other").ID})
			return err
		}},
	} {
		if err := refused.do(); !errors.Is(err, refused.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := w.Volumes(t.Context(), ""); err != nil || len(all) != 1 { // a refused path leaves no volume behind
		t.Errorf("there are %+v, %v", all, err)
	}
	if all, err := w.Volumes(t.Context(), "other"); err != nil || len(all) != 0 {
		t.Errorf("another service has %+v, %v", all, err)
	}
	if _, err := w.DetachVolume(t.Context(), "data", wire.Detachment{Service: "web"}); err != nil {
		t.Fatal(err)
	}
	if c, err := w.AttachVolume(t.Context(), "data", wire.NewAttachment{Service: "other", Path: "/else"}); err != nil || len(c.Deployments) != 0 || c.Volume.Attached[0].Path != "/else" {
		t.Errorf("attached to what does not run: %+v, %v", c, err)
	}
	if err := w.DeleteService(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if v, err := w.Volume(t.Context(), "data"); err != nil || len(v.Attached) != 0 {
		t.Errorf("its service is gone, and it is %+v, %v", v, err)
	}
	if err := w.DeleteVolume(t.Context(), "data"); err != nil {
		t.Error(err)
	}
	if _, err := w.Volume(t.Context(), made.Volume.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("after its deletion: %v", err)
	}
}

func TestVolumesComeInPagesThatMissNothing(t *testing.T) {
	w := start(t)
	if _, err := w.CreateProject(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c", "a", "shop/production/b", "b"} { // ids grow, so that names are in another order
		if _, err := w.CreateVolume(t.Context(), wire.NewVolume{Name: name, SizeMB: 1}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a", "b", "c", "b"} // by project, environment and name
	if got, pages := w.paged(t, "/v1/volumes?limit=1"); pages != len(want) || !slices.Equal(got, want) {
		t.Errorf("in %d pages: %v", pages, got)
	}
}

func TestASnapshotIsRestoredOrBecomesAnotherVolume(t *testing.T) {
	w := start(t)
	made, err := w.CreateVolume(t.Context(), wire.NewVolume{Name: "data"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.Dir, "volumes", made.Volume.ID, "file")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	snapshot, err := w.CreateSnapshot(t.Context(), "data", wire.NewSnapshot{Note: "nightly"})
	if err != nil || snapshot.Note != "nightly" || !snapshot.Consistent {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	write("new")
	restored, err := w.RestoreSnapshot(t.Context(), snapshot.ID, wire.Restore{})
	if text, readErr := os.ReadFile(file); err != nil || readErr != nil || string(text) != "old" || restored.Before == nil {
		t.Fatalf("restored %+v (%v) it has %q (%v)", restored, err, text, readErr)
	}
	other, err := w.RestoreSnapshot(t.Context(), restored.Before.ID, wire.Restore{As: "copy"})
	if err != nil || other.Volume.Name != "copy" || other.Before != nil {
		t.Fatalf("as another volume: %+v, %v", other, err)
	}
	if text, err := os.ReadFile(filepath.Join(w.Dir, "volumes", other.Volume.ID, "file")); err != nil || string(text) != "new" {
		t.Errorf("the other volume has %q, %v", text, err)
	}
	all, err := w.Snapshots(t.Context(), "data")
	if err != nil || len(all) != 2 || all[0].ID != restored.Before.ID {
		t.Errorf("snapshots %+v, %v", all, err)
	}
	if err := w.DeleteSnapshot(t.Context(), snapshot.ID); err != nil {
		t.Error(err)
	}
}

func TestAVolumeIsResizedOnlyWhileItIsAsItWasRead(t *testing.T) {
	w := start(t)
	if _, err := w.CreateVolume(t.Context(), wire.NewVolume{Name: "data", SizeMB: 10}); err != nil {
		t.Fatal(err)
	}
	answer, _ := w.request(t, http.MethodGet, "/v1/volumes/data", w.Token, nil)
	tag := answer.Header.Get("ETag")
	resize := func(size string) (*http.Response, []byte) {
		return w.request(t, http.MethodPatch, "/v1/volumes/data", w.Token, strings.NewReader(`{"size_mb":`+size+`}`), "If-Match", tag, "Content-Type", "application/json")
	}
	answer, text := resize("20")
	var v platform.Volume
	if err := json.Unmarshal(text, &v); err != nil || answer.StatusCode != http.StatusOK || v.SizeMB != 20 {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	answer, text = resize("30")
	wants(t, "with the old ETag", answer, text, http.StatusPreconditionFailed, wire.CodePrecondition)
	if _, err := w.SetQuota(t.Context(), w.Account.ID, platform.Quota{DiskMB: 25}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ResizeVolume(t.Context(), "data", wire.VolumeResize{SizeMB: 26}); problem(t, err).Code != wire.CodeCapacity || !strings.Contains(err.Error(), "25 MB") {
		t.Errorf("beyond the quota: %v", err)
	}
}
