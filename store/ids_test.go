package store

import (
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"go.jetify.com/typeid/v2"

	"csph/platform"
)

func TestIDsStrictlyGrow(t *testing.T) {
	source := newIDs()
	at := time.UnixMilli(1_700_000_000_000)
	source.clock = func() time.Time { return at }
	last := ""
	for i := range 3 * (counterMax + 1) { // more than one millisecond holds
		if i == 100 {
			at = at.Add(-time.Hour)
		}
		last = grown(t, source, last)
	}
	at = at.Add(2 * time.Hour)
	grown(t, source, last)
}

func grown(t *testing.T, source *ids, last string) string {
	t.Helper()
	id, err := source.next(platform.DeploymentPrefix)
	must(t, err)
	if id <= last {
		t.Fatalf("%s follows %s", id, last)
	}
	return id
}

func TestAnIDIsATypeIDOfTheTime(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	id, err := newIDs().next(platform.ServicePrefix)
	must(t, err)
	parsed, err := typeid.Parse(id)
	must(t, err)
	if parsed.Prefix() != platform.ServicePrefix {
		t.Errorf("prefix of %s is %s", id, parsed.Prefix())
	}
	u := uuid.FromBytesOrNil(parsed.Bytes())
	if u.Version() != uuid.V7 || u.Variant() != uuid.VariantRFC9562 {
		t.Errorf("%s is version %d variant %d; want UUIDv7", u, u.Version(), u.Variant())
	}
	stamp, err := uuid.TimestampFromV7(u)
	must(t, err)
	at, err := stamp.Time()
	must(t, err)
	if at.Before(before) || at.After(time.Now()) {
		t.Errorf("id of %v is stamped %v", before, at)
	}
}

func TestIDsMadeAtOnceDiffer(t *testing.T) {
	source := newIDs()
	var seen sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				id, err := source.next(platform.KeyPrefix)
				if _, twice := seen.LoadOrStore(id, true); twice || err != nil {
					t.Errorf("%s was made twice: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAClockThatWasSetBackDoesNotReorderDeployments(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	s := firstService(t, db)
	db.ids.clock = func() time.Time { return time.Now().Add(24 * time.Hour) }
	first, err := db.CreateDeployment(t.Context(), platform.Deployment{Service: s.ID})
	must(t, err)
	must(t, db.Close())

	db = opened(t, path) // the clock is right again
	second, err := db.CreateDeployment(t.Context(), platform.Deployment{Service: s.ID})
	must(t, err)
	all, err := db.Deployments(t.Context(), s.ID, 0)
	must(t, err)
	if len(all) != 2 || all[0].ID != second.ID || all[1].ID != first.ID {
		t.Errorf("listed %v; want %s before %s", all, second.ID, first.ID)
	}
}
