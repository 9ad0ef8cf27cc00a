package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"csph/api/apitest"
	"csph/api/wire"
	"csph/platform"
)

func TestARepositoryIsConnectedOnceItLetsCsphIn(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	if _, err := w.ConnectRepository(t.Context(), svc.ID, wire.NewRepository{URL: "https://example.com/a/b", Token: "wrong"}); err == nil || !strings.Contains(err.Error(), "a better one") {
		t.Errorf("with a wrong token: %v", err)
	}
	if _, err := w.Repository(t.Context(), svc.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("and then: %v", err)
	}
	made, err := w.ConnectRepository(t.Context(), svc.ID, wire.NewRepository{URL: "https://example.com/a/b", Branch: "main", Token: "right", PollSeconds: 60})
	if err != nil || made.Commit != apitest.Commit || made.Credential != platform.ByToken {
		t.Fatalf("%+v %v", made, err)
	}
	t.Run("and deployed from", func(t *testing.T) {
		d, err := w.DeployImage(t.Context(), svc.ID, wire.NewDeployment{Fetch: true})
		if err != nil || d.Source.Kind != platform.FromGit || d.Source.Branch != "main" || d.Source.Subject != "https://example.com/a/b" {
			t.Errorf("%+v %v", d.Source, err)
		}
	})
	t.Run("and built anew on demand", func(t *testing.T) {
		if _, err := w.DeployImage(t.Context(), svc.ID, wire.NewDeployment{Fetch: true, NoCache: true}); err != nil || w.Deployer.Uncached() != 1 {
			t.Errorf("%d were built anew, %v", w.Deployer.Uncached(), err)
		}
	})
	t.Run("and a key can be made for it", func(t *testing.T) {
		made, err := w.ConnectRepository(t.Context(), svc.ID, wire.NewRepository{URL: "git@example.com:a/b", MakeKey: true})
		if err != nil || !strings.HasPrefix(made.PublicKey, "ssh-ed25519 ") || made.Credential != platform.ByDeployKey {
			t.Errorf("%+v %v", made, err)
		}
		if kept, err := w.DB.RepositorySecret(t.Context(), svc.ID); err != nil || !strings.Contains(string(kept), "PRIVATE KEY") {
			t.Errorf("kept %q, %v", kept, err)
		}
	})
	if err := w.DisconnectRepository(t.Context(), svc.ID); err != nil {
		t.Error(err)
	}
	if err := w.DisconnectRepository(t.Context(), svc.ID); err == nil || !strings.Contains(err.Error(), "no repository") {
		t.Errorf("twice: %v", err)
	}
}

func TestADeploymentIsOfOneThing(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	for want, n := range map[string]wire.NewDeployment{
		"of an image or of a repository":   {Image: "nginx:1", Repo: "https://example.com/a/b"},
		"a branch is of a repository":      {Branch: "main"},
		"a branch is of a repository; nam": {Image: "nginx:1", Branch: "main"},
		"needs an image, a repository":     {},
	} {
		if _, err := w.DeployImage(t.Context(), svc.ID, n); !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", n, err)
		}
	}
}

func TestWhatAConnectionWatchesAndWhoKeepsItIsKept(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	n := wire.NewRepository{URL: "https://git.example.com/a/b", Provider: "sourceforge"}
	if _, err := w.ConnectRepository(t.Context(), svc.ID, n); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("a provider that nobody knows: %v", err)
	}
	n.Provider, n.Watch, n.LFS = "gitea", []string{"apps/web/**"}, true
	if _, err := w.ConnectRepository(t.Context(), svc.ID, n); err != nil {
		t.Fatal(err)
	}
	if r, err := w.Repository(t.Context(), svc.ID); err != nil || r.Provider != "gitea" || len(r.Watch) != 1 || !r.LFS {
		t.Errorf("%+v, %v", r, err)
	}
	hook, err := w.CreateWebhook(t.Context(), svc.ID, wire.NewWebhook{Provider: "github", Previews: true, KeepPreviewsSeconds: 3600, Watch: []string{"*.go"}})
	if err != nil || hook.KeepPreviews != time.Hour || len(hook.Watch) != 1 {
		t.Errorf("%+v, %v", hook, err)
	}
}

func TestAPreviewSaysWhenItGoes(t *testing.T) {
	w := start(t)
	parent, preview := w.service(t, "web"), w.service(t, "preview")
	if _, err := w.DB.TouchPreview(t.Context(), preview.ID, parent.ID, 7, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Service(t.Context(), "preview"); err != nil || got.Preview == nil || got.Preview.Number != 7 || time.Until(got.Preview.Expires) < 50*time.Minute {
		t.Errorf("%+v, %v", got.Preview, err)
	}
	if got, err := w.Service(t.Context(), "web"); err != nil || got.Preview != nil {
		t.Errorf("one that is none: %+v, %v", got.Preview, err)
	}
}

func TestOnlyOneCredentialIsTaken(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	if _, err := w.ConnectRepository(t.Context(), svc.ID, wire.NewRepository{URL: "https://example.com/a/b", Token: "right", MakeKey: true}); err == nil || !strings.Contains(err.Error(), "one of the three") {
		t.Errorf("%v", err)
	}
}

func TestAWebhooksSecretIsShownOnce(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	if _, err := w.CreateWebhook(t.Context(), svc.ID, wire.NewWebhook{Provider: "sourceforge"}); err == nil || !strings.Contains(err.Error(), "not understood") {
		t.Errorf("an unknown provider: %v", err)
	}
	made, err := w.CreateWebhook(t.Context(), svc.ID, wire.NewWebhook{Provider: "github", Tags: "v*"})
	if err != nil || made.Secret == "" || !strings.Contains(made.URL, made.ID) || !strings.Contains(strings.Join(made.Setup, "\n"), made.Secret) {
		t.Fatalf("%+v %v", made, err)
	}
	all, err := w.Webhooks(t.Context(), svc.ID)
	if err != nil || len(all) != 1 || all[0].ID != made.ID {
		t.Errorf("listed: %+v %v", all, err)
	}
	rotated, err := w.RotateWebhook(t.Context(), made.ID)
	if err != nil || rotated.Secret == made.Secret || rotated.URL != made.URL {
		t.Errorf("rotated: %+v %v", rotated, err)
	}
	if _, _, err := w.DB.AcceptDelivery(t.Context(), platform.Delivery{Webhook: made.ID, Service: svc.ID, Name: "one", Ref: "refs/heads/main"}); err != nil {
		t.Fatal(err)
	}
	taken, err := w.Deliveries(t.Context(), made.ID, 5)
	if err != nil || len(taken) != 1 || taken[0].Name != "one" {
		t.Errorf("taken on: %+v %v", taken, err)
	}
	if err := w.DeleteWebhook(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
}
