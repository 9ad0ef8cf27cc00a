package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

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
