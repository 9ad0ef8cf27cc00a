package store

import (
	"maps"
	"slices"
	"testing"

	"csph/platform"
)

func TestHoldingsAreWhatTheRecordsReferTo(t *testing.T) {
	db, s := started(t)
	idle, err := db.CreateService(t.Context(), s.Account, "idle", platform.Service{})
	must(t, err)
	built := func(image string) string {
		t.Helper()
		d, err := db.CreateDeployment(t.Context(), platform.Deployment{Service: s.ID})
		must(t, err)
		_, err = db.Advance(t.Context(), d.ID, platform.Queued, platform.StartBuild, nil)
		must(t, err)
		_, err = db.Advance(t.Context(), d.ID, platform.Building, platform.StartRollout, func(d *platform.Deployment) {
			d.Image = platform.Image{Ref: image, Digest: "sha256:1"}
		})
		must(t, err)
		return d.ID
	}
	dropped, kept, running := built("image/dropped"), built("image/kept"), built("image/running")
	for _, id := range []string{dropped, kept} {
		_, err := db.Advance(t.Context(), id, platform.RollingOut, platform.Fail, nil)
		must(t, err)
	}
	must(t, db.DropImage(t.Context(), dropped))

	held, err := db.Holdings(t.Context())
	must(t, err)
	if want := map[string]string{s.ID: s.Name, idle.ID: idle.Name}; !maps.Equal(held.Services, want) {
		t.Errorf("services %v, want %v", held.Services, want)
	}
	if want := map[string]bool{running: true}; !maps.Equal(held.Deployments, want) {
		t.Errorf("deployments %v, want %v", held.Deployments, want)
	}
	if got := slices.Sorted(maps.Keys(held.Images)); !slices.Equal(got, []string{"image/kept", "image/running"}) {
		t.Errorf("images %v", got)
	}
	owners, err := db.Owners(t.Context())
	must(t, err)
	if want := map[string]string{dropped: s.ID, kept: s.ID, running: s.ID}; !maps.Equal(owners, want) {
		t.Errorf("owners %v, want %v", owners, want)
	}
}

// TestNoImageIsWrittenAsTheIndexOfImagesHasIt holds what the statement and the schema spell out.
func TestNoImageIsWrittenAsTheIndexOfImagesHasIt(t *testing.T) {
	none, err := document{platform.Image{}}.Value()
	must(t, err)
	if want := "image <> '" + none.(string) + "'"; imaged != want {
		t.Errorf("the condition is %s, of records without an image %s", imaged, want)
	}
}
