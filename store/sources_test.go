package store

import (
	"errors"
	"testing"
	"time"

	"csph/platform"
)

func TestARepositorysCredentialIsKeptEncryptedAndGoesWithTheService(t *testing.T) {
	db, s := started(t)
	db.SealWith(letters(1))
	r := platform.Repository{URL: "https://example.com/acme/shop", Branch: "main", Credential: platform.ByToken, Poll: time.Minute, By: "admin"}
	_, err := db.ConnectRepository(t.Context(), s.ID, r, []byte("token-hunter2"), nil)
	must(t, err)
	notInFile(t, db, "token-hunter2")
	must(t, db.Polled(t.Context(), s.ID, "abc"))
	got, err := db.Repository(t.Context(), s.ID)
	must(t, err)
	if got.URL != r.URL || got.Branch != "main" || got.Poll != time.Minute || got.Polled != "abc" || got.Connected.IsZero() {
		t.Errorf("%+v", got)
	}
	secret, err := db.RepositorySecret(t.Context(), s.ID)
	must(t, err)
	if string(secret) != "token-hunter2" {
		t.Errorf("the credential is %q", secret)
	}
	polls, err := db.Polls(t.Context())
	must(t, err)
	if len(polls) != 1 || polls[s.ID].URL != r.URL {
		t.Errorf("polled: %+v", polls)
	}
	t.Run("connecting another one forgets what was seen of the first", func(t *testing.T) {
		_, err := db.ConnectRepository(t.Context(), s.ID, platform.Repository{URL: "https://example.com/other"}, nil, nil)
		must(t, err)
		got, err := db.Repository(t.Context(), s.ID)
		must(t, err)
		if got.Polled != "" || got.Credential != "" || got.URL != "https://example.com/other" {
			t.Errorf("%+v", got)
		}
	})
	must(t, db.DisconnectRepository(t.Context(), s.ID))
	if _, err := db.Repository(t.Context(), s.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("after it was disconnected: %v", err)
	}
}

func TestADeliveryIsAcceptedOnceAndWaitsUntilItIsSettled(t *testing.T) {
	path := place(t)
	db := opened(t, path)
	db.SealWith(letters(1))
	s := firstService(t, db)
	w, secret, err := db.CreateWebhook(t.Context(), platform.Webhook{Service: s.ID, Provider: "github", Tags: "v*", Previews: true, By: "admin"})
	must(t, err)
	notInFile(t, db, secret)
	kept, err := db.WebhookSecret(t.Context(), w.ID)
	must(t, err)
	if kept != secret || len(secret) < 32 {
		t.Errorf("the secret is %q, and %q was kept", secret, kept)
	}
	first := platform.Delivery{Webhook: w.ID, Service: s.ID, Name: "one", Ref: "refs/heads/main", Commit: "abc", Pull: &platform.PullRequest{Number: 7, Branch: "b"}}
	stored, fresh, err := db.AcceptDelivery(t.Context(), first)
	must(t, err)
	if !fresh || stored.ID == "" || stored.Accepted.IsZero() {
		t.Fatalf("%+v %v", stored, fresh)
	}
	again, fresh, err := db.AcceptDelivery(t.Context(), first)
	must(t, err)
	if fresh || again.ID != stored.ID {
		t.Errorf("the second time: %+v %v", again, fresh)
	}
	first.Name = "two"
	second, _, err := db.AcceptDelivery(t.Context(), first)
	must(t, err)
	must(t, db.SettleDelivery(t.Context(), second.ID, "dep_1", "live"))
	waiting, err := db.WaitingDeliveries(t.Context())
	must(t, err)
	if len(waiting) != 1 || waiting[0].ID != stored.ID || waiting[0].Pull == nil || waiting[0].Pull.Number != 7 {
		t.Errorf("waiting: %+v", waiting)
	}
	t.Run("and is remembered for a while", func(t *testing.T) {
		kept, err := db.TrimDeliveries(t.Context(), time.Hour)
		must(t, err)
		dropped, err := db.TrimDeliveries(t.Context(), -time.Hour)
		must(t, err)
		if kept != 0 || dropped != 1 {
			t.Errorf("dropped %d young ones and %d old ones", kept, dropped)
		}
		all, err := db.Deliveries(t.Context(), w.ID, "", 10)
		must(t, err)
		if len(all) != 1 || all[0].ID != stored.ID {
			t.Errorf("left: %+v", all)
		}
	})
	t.Run("a new secret ends the old one", func(t *testing.T) {
		next, err := db.RotateWebhook(t.Context(), w.ID)
		must(t, err)
		if kept, err := db.WebhookSecret(t.Context(), w.ID); err != nil || kept != next || kept == secret {
			t.Errorf("%q %v", kept, err)
		}
	})
	must(t, db.DeleteWebhook(t.Context(), w.ID))
	if waiting, err := db.WaitingDeliveries(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("after the webhook was deleted %+v wait, %v", waiting, err)
	}
}
