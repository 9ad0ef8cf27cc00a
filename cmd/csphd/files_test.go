package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/gitd"
	"csph/platform"
	"csph/store"
)

// recordsWithService are new records with a service web.
func recordsWithService(t *testing.T) (*store.DB, platform.Service) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	return db, svc
}

func TestFilesAreForThoseWhoMayRunCommands(t *testing.T) {
	db, svc := recordsWithService(t)
	f := files{db: db, log: slog.New(slog.DiscardHandler)}
	forbidden := fmt.Errorf("%w: a viewer", platform.ErrForbidden)
	for name, c := range map[string]struct {
		id   gitd.Identity
		user string
		want error
	}{
		"a member":                     {gitd.Identity{Account: svc.Account}, "web", nil},
		"by id":                        {gitd.Identity{Account: svc.Account}, svc.ID, nil},
		"of its project":               {gitd.Identity{Account: svc.Account, Projects: []string{svc.Project}}, "web", nil},
		"a viewer":                     {gitd.Identity{Account: svc.Account, NoPush: forbidden}, "web", platform.ErrForbidden},
		"of another project":           {gitd.Identity{Account: svc.Account, Projects: []string{"prj_other"}}, "web", platform.ErrNotFound},
		"of another account":           {gitd.Identity{Account: "acc_other"}, svc.ID, platform.ErrNotFound},
		"the user name of git clients": {gitd.Identity{Account: svc.Account}, "git", platform.ErrNotFound},
		"a path":                       {gitd.Identity{Account: svc.Account}, "../web", platform.ErrInvalid},
	} {
		got, err := f.find(t.Context(), c.id, c.user)
		if !errors.Is(err, c.want) || err == nil && got.ID != svc.ID {
			t.Errorf("%s: %q, %v", name, got.Name, err)
		}
	}
	if err := f.ServeFiles(t.Context(), gitd.Identity{Account: svc.Account, Name: "laptop", NoPush: forbidden}, "192.0.2.1", "web", nil); !errors.Is(err, platform.ErrForbidden) {
		t.Errorf("served to a viewer: %v", err)
	}
	kept, err := db.AuditPage(t.Context(), store.AuditPage{Accounts: []string{svc.Account}, Limit: 1})
	if err != nil || len(kept) != 1 || kept[0].Action != "sftp" || kept[0].Status != 403 || kept[0].Member != "laptop" {
		t.Errorf("in the audit log: %+v, %v", kept, err)
	}
}

// goLive makes a version of a service the live one, instead of the one before.
func goLive(t *testing.T, db *store.DB, svc platform.Service, before string) platform.Deployment {
	t.Helper()
	d, err := db.CreateDeployment(t.Context(), platform.Deployment{Service: svc.ID})
	for _, move := range []platform.Move{platform.StartBuild, platform.StartRollout, platform.StartCheck} {
		if err == nil {
			d, err = db.Advance(t.Context(), d.ID, d.Status, move, nil, platform.Event{Kind: platform.EventStatus})
		}
	}
	if err == nil {
		d, err = db.Promote(t.Context(), d.ID, before, platform.Event{Kind: platform.EventLive})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFilesAreServedUntilAnotherVersionIsLive(t *testing.T) {
	db, svc := recordsWithService(t)
	f := files{db: db, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	first := goLive(t, db, svc, "")
	spherelet := platform.Spherelet{ID: "sph_1", Deployment: first.ID}
	told := make(chan error, 1)
	go func() { told <- f.replaced(ctx, svc, spherelet) }()
	if _, err := db.Publish(ctx, platform.Event{Service: svc.ID, Deployment: "dep_other", Kind: platform.EventFailed}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-told:
		t.Fatalf("the session ends although nothing is replaced: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	second := goLive(t, db, svc, first.ID)
	for when, err := range map[string]error{"while it serves": <-told, "before it serves": f.replaced(ctx, svc, spherelet)} {
		if !errors.Is(err, platform.ErrConflict) || !strings.Contains(err.Error(), second.ID) {
			t.Errorf("replaced %s, the client is told %v", when, err)
		}
	}
	cancel()
	if err := f.replaced(ctx, svc, platform.Spherelet{Deployment: second.ID}); !errors.Is(err, context.Canceled) {
		t.Errorf("without a client it ends with %v", err)
	}
}

func TestTheEndOfAServerOfFilesIsTold(t *testing.T) {
	svc, spherelet := platform.Service{Name: "web"}, platform.Spherelet{ID: "sph_1"}
	refused := fmt.Errorf("%w: no such program", platform.ErrInvalid)
	for name, c := range map[string]struct {
		exit     int
		err      error
		conflict bool
		says     string // "": nothing, the client has left
	}{
		"with its client":     {0, nil, false, ""},
		"by itself":           {1, nil, false, "the server in sph_1 ended with 1"},
		"with the last code":  {128, nil, false, "ended with 128"},
		"at the first signal": {128 + 1, nil, true, "has ended"},
		"with its spherelet":  {128 + 9, nil, true, "spherelet sph_1 of web has ended; connect again"},
		"where it is not":     {-1, refused, true, "csph services restart web"},
	} {
		err := ended(svc, spherelet, c.exit, c.err)
		if err == nil && c.says == "" {
			continue
		}
		if err == nil || c.says == "" || !strings.Contains(err.Error(), c.says) || errors.Is(err, platform.ErrConflict) != c.conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
}
