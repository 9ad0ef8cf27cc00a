package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/gitd/webhook"
	"csph/platform"
	"csph/store"
	"csph/vault"
)

// reported is a service that is connected to a repository, with its records.
func reported(t testing.TB) (reports, platform.Service) {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	key, err := vault.Open(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	db.SealWith(key)
	if _, err := db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := db.CreateService(t.Context(), accounts[0].ID, "shop", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	return reports{db, origins{db: db}, func() {}}, svc
}

const reportedCommit = "a10867b14bb761a232cd80139fbd4c0d33264240"

func (r reports) connect(t *testing.T, service string, how platform.Repository) {
	t.Helper()
	if _, err := r.db.ConnectRepository(t.Context(), service, how, []byte("token"), nil); err != nil {
		t.Fatal(err)
	}
}

// deployed makes a deployment of a repository, and returns an event of it.
func (r reports) deployed(t *testing.T, service, repository, kind string) platform.Event {
	t.Helper()
	d, err := r.db.CreateDeployment(t.Context(), platform.Deployment{
		Service: service, Name: "shop", Config: platform.Config{Shape: "FLX", Count: 1}, URL: "http://shop.localhost",
		Source: platform.Source{Kind: platform.FromGit, Revision: reportedCommit, Branch: "main", Repository: repository},
	})
	if err != nil {
		t.Fatal(err)
	}
	return platform.Event{Service: service, Deployment: d.ID, Kind: kind}
}

func TestWhatIsReportedDependsOnTheRepositoryAndItsCredential(t *testing.T) {
	const github, own = "https://github.com/acme/shop", "https://git.example.com/acme/shop"
	for name, c := range map[string]struct {
		connected platform.Repository
		source    string
		hook      webhook.Provider
		event     string
		want      string // kinds
	}{
		"a well-known host":           {platform.Repository{URL: github, Credential: platform.ByToken}, github, "", platform.EventAccepted, "status deployment"},
		"a host of one's own":         {platform.Repository{URL: own, Credential: platform.ByToken, Provider: "gitea"}, own, "", platform.EventLive, "status"},
		"one that a webhook tells":    {platform.Repository{URL: own, Credential: platform.ByToken}, own, webhook.GitLab, platform.EventFailed, "status"},
		"one that nobody knows":       {platform.Repository{URL: own, Credential: platform.ByToken}, own, webhook.Generic, platform.EventLive, ""},
		"without a credential":        {platform.Repository{URL: github}, github, "", platform.EventLive, ""},
		"with a deploy key":           {platform.Repository{URL: "ssh://git@github.com/acme/shop", Credential: platform.ByDeployKey}, "ssh://git@github.com/acme/shop", "", platform.EventLive, ""},
		"another repository":          {platform.Repository{URL: github, Credential: platform.ByToken}, own, "", platform.EventLive, ""},
		"a push":                      {platform.Repository{URL: github, Credential: platform.ByToken}, "", "", platform.EventLive, ""},
		"an event in between":         {platform.Repository{URL: github, Credential: platform.ByToken}, github, "", platform.EventStarting, ""},
		"one that a newer one passed": {platform.Repository{URL: github, Credential: platform.ByToken}, github, "", platform.EventSuperseded, "status deployment"},
	} {
		t.Run(name, func(t *testing.T) {
			r, svc := reported(t)
			r.connect(t, svc.ID, c.connected)
			if c.hook != "" {
				if _, _, err := r.db.CreateWebhook(t.Context(), platform.Webhook{Service: svc.ID, Provider: string(c.hook)}); err != nil {
					t.Fatal(err)
				}
			}
			all, err := r.of(t.Context(), r.deployed(t, svc.ID, c.source, c.event))
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, one := range all {
				kinds = append(kinds, string(one.Kind))
				if one.Commit != reportedCommit || one.Service != svc.ID || one.Label != "csph/shop" || one.Last != (c.event != platform.EventAccepted) {
					t.Errorf("%+v", one)
				}
			}
			if got := strings.Join(kinds, " "); got != c.want {
				t.Errorf("reported %q, want %q", got, c.want)
			}
		})
	}
}

func TestAPreviewIsReportedWithItsParentsTokenAndCommentsOnce(t *testing.T) {
	r, parent := reported(t)
	const github = "https://github.com/acme/shop"
	r.connect(t, parent.ID, platform.Repository{URL: github, Credential: platform.ByToken})
	if _, err := r.db.CreateEnvironment(t.Context(), parent.Project, "pr-7"); err != nil {
		t.Fatal(err)
	}
	preview, err := r.db.CreateService(t.Context(), parent.Account, "pr-7/shop", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.db.TouchPreview(t.Context(), preview.ID, parent.ID, 7, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.of(t.Context(), r.deployed(t, preview.ID, github, platform.EventLive))
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	comment := all[2]
	if comment.Kind != platform.ReportComment || comment.Service != parent.ID || comment.Pull != 7 || comment.Last || comment.Subject != commentSubject(p) ||
		!strings.Contains(comment.Text, "http://shop.localhost") || !strings.Contains(comment.Text, "at a10867b") {
		t.Errorf("%+v", comment)
	}
	if all[0].Label != "csph/pr-7/shop" || all[1].Environment != "pr-7/shop" {
		t.Errorf("%+v", all[:2])
	}
	if err := r.gone(t.Context(), p, "closed."); err != nil {
		t.Errorf("before anything was told: %v", err)
	}
	if err := r.db.QueueReports(t.Context(), "", 0, comment); err != nil {
		t.Fatal(err)
	}
	if err := r.gone(t.Context(), p, "closed."); err != nil {
		t.Fatal(err)
	}
	if last, err := r.db.Report(t.Context(), comment.Subject); err != nil || !last.Last || !strings.Contains(last.Text, "has gone: closed.") {
		t.Errorf("%+v, %v", last, err)
	}
	over, err := r.db.Report(t.Context(), "gone "+parent.ID+"/7")
	if err != nil || over.Kind != platform.ReportDeployment || over.State != platform.ReportInactive || over.Environment != "pr-7/shop" || over.Service != parent.ID || !over.Last {
		t.Errorf("%+v, %v", over, err)
	}
}
