package api_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"csph/api/wire"
	"csph/platform"
)

// furnish gives a household one more of everything.
func (h household) furnish(t *testing.T) {
	t.Helper()
	service := h.names["{service}"]
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	h.service(t, "hidden-api")
	_, secrets := h.SetSecrets(t.Context(), service, map[string]string{"ANOTHER": "x"})
	h.Deployer.Settled(t, h.newest(t, service))
	_, registry := h.SetRegistry(t.Context(), service, wire.NewRegistry{Host: "other.example.com", Username: "me", Password: "right"})
	_, invitation := h.Invite(t.Context(), wire.NewInvitation{Name: "another"})
	_, added := h.AddKey(t.Context(), wire.NewKey{Public: string(ssh.MarshalAuthorizedKey(key))})
	_, environment := h.CreateEnvironment(t.Context(), wire.NewEnvironment{Name: "staging"})
	_, hook := h.CreateWebhook(t.Context(), service, wire.NewWebhook{Provider: "github"})
	_, domain := h.AddDomain(t.Context(), wire.NewDomain{Name: "another.example.com", Service: service})
	_, schedule := h.AddSchedule(t.Context(), service, wire.NewSchedule{Cron: "@daily", Command: []string{"true"}})
	_, run := h.RunSchedule(t.Context(), h.names["{schedule}"])
	_, volume := h.CreateVolume(t.Context(), wire.NewVolume{Name: "another"})
	_, snapshot := h.CreateSnapshot(t.Context(), h.names["{volume}"], wire.NewSnapshot{})
	for _, err := range []error{secrets, registry, invitation, added, environment, hook, domain, schedule, run, volume, snapshot} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one", "two"} {
		if _, _, err := h.DB.AcceptDelivery(t.Context(), platform.Delivery{Webhook: h.names["{webhook}"], Service: service, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
}

// walk reads a list in pages of a size, and returns what its entries are called.
func (w world) walk(t *testing.T, path string, size int) (names []string) {
	t.Helper()
	for next := fmt.Sprintf("%s?limit=%d", path, size); next != ""; {
		answer, text := w.request(t, http.MethodGet, next, w.Token, nil)
		var some []map[string]any
		if err := json.Unmarshal(text, &some); err != nil || len(some) > size || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", next, answer.StatusCode, text)
		}
		for _, one := range some {
			names = append(names, fmt.Sprint(one["id"], one["name"], one["host"], one["seq"]))
		}
		next, _, _ = strings.Cut(strings.TrimPrefix(answer.Header.Get("Link"), "<"), ">")
	}
	return names
}

// TestEveryListComesInPages reads each list of the document one by one, and whole.
func TestEveryListComesInPages(t *testing.T) {
	h := newHousehold(t)
	h.furnish(t)
	lists := 0
	for _, e := range h.entries {
		media, ok := e.Responses["200"].Content["application/json"]
		if !ok || e.method != http.MethodGet || !slices.Contains(media.Schema.types(), "array") {
			continue
		}
		for _, name := range []string{"limit", "cursor"} {
			if !slices.ContainsFunc(e.Parameters, func(f field) bool { return f.Name == name && f.In == "query" }) {
				t.Errorf("%s has no parameter %s", e.ID, name)
			}
		}
		path := h.place(t, e)
		one, all := h.walk(t, path, 1), h.walk(t, path, 1000)
		if !slices.Equal(one, all) || len(all) == 0 {
			t.Errorf("%s one by one: %q; whole: %q", e.ID, one, all)
		}
		if len(all) > 1 {
			lists++
		}
	}
	if lists < 18 {
		t.Errorf("only %d lists have several entries", lists)
	}
	if all := h.walk(t, "/v1/services/production%2Fhidden-web/secrets", 1); len(all) != 2 {
		t.Errorf("by the name of a service with its environment: %q", all)
	}
}

// TestWhatHasBecomeSomethingElseIsNotChanged sends every change of the document with the ETag of another state.
func TestWhatHasBecomeSomethingElseIsNotChanged(t *testing.T) {
	h := newHousehold(t)
	changes := 0
	for _, e := range h.entries {
		if _, ok := e.RequestBody.Content["application/json"]; !ok || e.method != http.MethodPatch && e.method != http.MethodPut {
			continue
		}
		changes++
		path := h.place(t, e)
		read, _ := h.request(t, http.MethodGet, strings.TrimSuffix(path, "/quota"), h.Token, nil)
		for tag, want := range map[string]int{`"another"`: http.StatusPreconditionFailed, read.Header.Get("ETag"): http.StatusOK} {
			body, kind := h.body(t, e)
			answer, text := h.request(t, e.method, path, h.Token, body, "Content-Type", kind, "If-Match", tag)
			if answer.StatusCode != want || tag == "" || want == http.StatusOK && answer.Header.Get("ETag") == "" {
				t.Errorf("%s with If-Match %s: %d %s; want %d", e.ID, tag, answer.StatusCode, text, want)
			}
		}
	}
	if changes < 7 {
		t.Errorf("only %d changes were tried", changes)
	}
}
