package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"csph/api/apitest"
	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// world is a served API and a client that is logged in.
type world struct {
	*apitest.Server
	*client.Client
}

func start(t *testing.T) world {
	s := apitest.Start(t)
	c, err := client.New(s.URL, s.Token, "test")
	if err != nil {
		t.Fatal(err)
	}
	return world{s, c}
}

// foreigner is a client of another account.
func (w world) foreigner(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(w.URL, w.NewAccount(t, "foreign"), "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w world) service(t *testing.T, name string) wire.ServiceView {
	t.Helper()
	svc, err := w.CreateService(t.Context(), wire.NewService{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// live deploys an image of a service that goes live.
func (w world) live(t *testing.T, service string) platform.Deployment {
	t.Helper()
	d, err := w.DeployImage(t.Context(), service, wire.NewDeployment{Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	return w.Deployer.Settled(t, d.ID)
}

// request sends a request as it is and returns status and body.
func (w world) request(t *testing.T, method, path, token string, body io.Reader, headers ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, text
}

func problem(t *testing.T, err error) *wire.Problem {
	t.Helper()
	var p *wire.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem but %v", err)
	}
	return p
}

// document is what the tests read of the OpenAPI document.
type document struct {
	OpenAPI    string                                `json:"openapi"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func (w world) document(t *testing.T) document {
	t.Helper()
	answer, text := w.request(t, http.MethodGet, "/openapi.json", "", nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryOperationIsRefusedWithoutAValidToken(t *testing.T) {
	w := start(t)
	operations := 0
	for path, methods := range w.document(t).Paths {
		for method := range methods {
			operations++
			for _, token := range []string{"", "csph_wrong", "csph_inv_wrong", w.Token + "x"} {
				where := parameter.ReplaceAllString(path, "x")
				answer, text := w.request(t, strings.ToUpper(method), where, token, nil)
				var p wire.Problem
				if err := json.Unmarshal(text, &p); err != nil {
					t.Fatal(err)
				}
				if answer.StatusCode != http.StatusUnauthorized || p.Code != wire.CodeUnauthorized || p.RequestID == "" {
					t.Errorf("%s %s with token %q: %d %s", method, path, token, answer.StatusCode, text)
				}
			}
		}
	}
	if operations < 20 {
		t.Errorf("only %d operations were tried", operations)
	}
}

func TestPathsOutsideOfTheAPITellThatThereIsNothing(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/", "/v1/nothing", "/v1", "/v2/services", "/docs/"} {
		answer, text := w.request(t, http.MethodGet, path, w.Token, nil)
		if answer.StatusCode != http.StatusNotFound || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
}

func TestHealthNeedsNoTokenAndFollowsTheDaemons(t *testing.T) {
	w := start(t)
	if answer, _ := w.request(t, http.MethodGet, "/healthz", "", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("up: status %d", answer.StatusCode)
	}
	w.SetReady(false)
	answer, text := w.request(t, http.MethodGet, "/healthz", "", nil)
	if answer.StatusCode != http.StatusServiceUnavailable || bytes.Contains(text, []byte("containerd")) {
		t.Errorf("down: status %d, %s", answer.StatusCode, text)
	}
}

func TestTheDocumentDescribesEveryOperationAndOneFormOfErrors(t *testing.T) {
	d := start(t).document(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", d.OpenAPI)
	}
	for path, methods := range d.Paths {
		for method, text := range methods {
			if !bytes.Contains(text, []byte("application/problem+json")) || !bytes.Contains(text, []byte(`"summary"`)) {
				t.Errorf("%s %s has no summary, or no problem: %s", method, path, text)
			}
		}
	}
	if _, ok := d.Components.Schemas["ErrorModel"]; ok {
		t.Error("a second form of errors is in the document")
	}
	for name := range d.Components.Schemas {
		if !bytes.Contains(mustJSON(t, d.Paths), []byte("schemas/"+name+`"`)) && !bytes.Contains(mustJSON(t, d.Components), []byte("schemas/"+name+`"`)) {
			t.Errorf("schema %s is not used", name)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhoamiAndStatusTellWhatIsThere(t *testing.T) {
	w := start(t)
	who, err := w.Whoami(t.Context())
	if err != nil || who.Account.ID != w.Account.ID || who.Token != "admin" {
		t.Errorf("whoami %+v, %v", who, err)
	}
	w.service(t, "idle")
	w.live(t, w.service(t, "web").ID)
	s, err := w.Status(t.Context())
	if err != nil || s.Counts != (wire.ServerCounts{Services: 2, Live: 1, Spherelets: 1}) || !s.Ready || s.Version != "test" || len(s.Daemons) != 1 || s.AppsURL != "http://SERVICE.localhost" {
		t.Errorf("status %+v, %v", s, err)
	}
}

func TestAServiceIsFoundByNamePathIDAndUniquePrefix(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	for _, ref := range []string{"web", "production/web", "default/production/web", svc.ID, svc.ID[:len(svc.ID)-2]} {
		got, err := w.Service(t.Context(), ref)
		if err != nil || got.ID != svc.ID || got.URL != "http://web.localhost" {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	w.service(t, "api")
	if _, err := w.Service(t.Context(), "svc_0"); problem(t, err).Code != wire.CodeConflict {
		t.Errorf("a prefix of two ids: %v", err)
	}
	for _, ref := range []string{"nothing", "staging/web", "svc_zzz", "a/b/c/d", "..%2f"} {
		if _, err := w.Service(t.Context(), ref); err == nil {
			t.Errorf("%s is found", ref)
		}
	}
}

func TestAServiceIsCreatedConfiguredAndDeleted(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	shape, count, port := "MAX", 2, 3000
	svc, err := w.CreateService(ctx, wire.NewService{Name: "web", ConfigChange: wire.ConfigChange{
		SetEnv: map[string]string{"A": "1", "B": "2"}, Shape: &shape, Count: &count}})
	if err != nil || svc.Config.Shape != "MAX" || svc.Config.Count != 2 || svc.Config.Env["A"] != "1" {
		t.Fatalf("%+v, %v", svc, err)
	}
	out, err := w.Configure(ctx, "web", wire.ConfigChange{UnsetEnv: []string{"A"}, SetEnv: map[string]string{"C": "3"}, Port: &port})
	if err != nil || out.Deployment != nil {
		t.Fatalf("before anything is live: %+v, %v", out, err)
	}
	if env := out.Service.Config.Env; len(env) != 2 || env["C"] != "3" || out.Service.Config.Port != 3000 {
		t.Errorf("config %+v", out.Service.Config)
	}
	w.live(t, "web")
	out, err = w.Configure(ctx, "web", wire.ConfigChange{SetEnv: map[string]string{"D": "4"}})
	if err != nil || out.Deployment == nil || out.Deployment.Trigger != (platform.Trigger{Kind: "config", Actor: "admin", Address: "127.0.0.1"}) {
		t.Fatalf("once live: %+v, %v", out, err)
	}
	w.Deployer.Settled(t, out.Deployment.ID)
	if err := w.DeleteService(ctx, "web"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service(ctx, "web"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("a deleted service: %v", err)
	}
}

func TestWhatCannotRunIsRefusedWithAReason(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	for _, c := range []struct{ name, method, path, body, code string }{
		{"name taken", "POST", "/v1/services", `{"name":"web"}`, "conflict"},
		{"name is no label", "POST", "/v1/services", `{"name":"Web!"}`, "invalid"},
		{"no name", "POST", "/v1/services", `{}`, "invalid"},
		{"unknown field", "POST", "/v1/services", `{"name":"a","cuont":3}`, "invalid"},
		{"unknown shape", "PATCH", "/v1/services/web", `{"shape":"XXL"}`, "invalid"},
		{"count of zero", "PATCH", "/v1/services/web", `{"count":0}`, "invalid"},
		{"port too high", "PATCH", "/v1/services/web", `{"port":70000}`, "invalid"},
		{"no JSON", "PATCH", "/v1/services/web", `{"port":`, "bad_request"},
		{"deployment of nothing", "POST", "/v1/services/web/deployments", `{}`, "invalid"},
		{"unknown query", "GET", "/v1/deployments?srevice=web", "", "invalid"},
		{"unknown service", "GET", "/v1/deployments?service=api", "", "not_found"},
		{"nothing to restart", "POST", "/v1/services/web/restart", "", "conflict"},
		{"no key", "POST", "/v1/keys", `{"public":"hello"}`, "invalid"},
		{"unknown key", "DELETE", "/v1/keys/nobody", "", "not_found"},
		{"no position", "GET", "/v1/events?after=-1", "", "invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, text := w.request(t, c.method, c.path, w.Token, strings.NewReader(c.body), "Content-Type", "application/json")
			var p wire.Problem
			if err := json.Unmarshal(text, &p); err != nil {
				t.Fatal(err)
			}
			if p.Code != c.code || p.Status != answer.StatusCode || p.Detail == "" || p.RequestID != answer.Header.Get("X-Request-Id") {
				t.Errorf("%d %s", answer.StatusCode, text)
			}
		})
	}
}

func TestBodiesAreBounded(t *testing.T) {
	w := start(t)
	body := `{"name":"web","build":"` + strings.Repeat("x", 2<<20) + `"}`
	answer, text := w.request(t, http.MethodPost, "/v1/services", w.Token, strings.NewReader(body), "Content-Type", "application/json")
	if answer.StatusCode != http.StatusRequestEntityTooLarge || !bytes.Contains(text, []byte(wire.CodeTooLarge)) {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestDeploymentsAreListedRepeatedAndRolledBack(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	w.service(t, "web")
	one := w.live(t, "web")
	two, err := w.Redeploy(ctx, one.ID)
	if err != nil || two.Trigger.Kind != "redeploy" {
		t.Fatalf("%+v, %v", two, err)
	}
	w.Deployer.Settled(t, two.ID)
	three, err := w.Rollback(ctx, one.ID)
	if err != nil || three.Trigger.Kind != "rollback" || three.Source.Deployment != one.ID {
		t.Fatalf("%+v, %v", three, err)
	}
	w.Deployer.Settled(t, three.ID)
	for _, service := range []string{"", "web"} {
		all, err := w.Deployments(ctx, service, 2)
		if err != nil || len(all) != 2 || all[0].ID != three.ID || all[0].Status != platform.Live || all[1].Status != platform.Retired {
			t.Errorf("deployments of %q: %+v, %v", service, all, err)
		}
	}
	if got, err := w.Deployment(ctx, strings.TrimPrefix(one.ID, "dep_")); err != nil || got.ID != one.ID {
		t.Errorf("by its bare id: %+v, %v", got, err)
	}
	if all, err := w.ServiceSpherelets(ctx, "web"); err != nil || len(all) != 1 || all[0].Deployment != three.ID {
		t.Errorf("spherelets %+v, %v", all, err)
	}
}

func TestABuildCanBeCancelledAndARolloutCannot(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	slow, err := w.DeployImage(t.Context(), "web", wire.NewDeployment{Image: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Cancel(t.Context(), slow.ID)
	if err != nil || got.Status != platform.Canceled {
		t.Errorf("%+v, %v", got, err)
	}
	live := w.live(t, "web")
	if _, err := w.Cancel(t.Context(), live.ID); problem(t, err).Code != wire.CodeConflict {
		t.Errorf("cancelling what is live: %v", err)
	}
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGpX7jvXqQmLq2n0OzQ4v0PzWqWQ8Qm2l0m2u0m0m0m0 laptop"

func TestKeysAreAddedListedAndRemoved(t *testing.T) {
	w := start(t)
	k, err := w.AddKey(t.Context(), wire.NewKey{Public: key})
	if err != nil || k.Name != "laptop" || !strings.HasPrefix(k.Fingerprint, "SHA256:") {
		t.Fatalf("%+v, %v", k, err)
	}
	if _, err := w.AddKey(t.Context(), wire.NewKey{Public: key}); problem(t, err).Code != wire.CodeConflict {
		t.Errorf("the same key again: %v", err)
	}
	if all, err := w.Keys(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := w.RemoveKey(t.Context(), k.Fingerprint); err != nil {
		t.Error(err)
	}
	if all, err := w.Keys(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("after the removal: %+v, %v", all, err)
	}
}

func TestWhatBelongsToAnotherAccountIsNotThere(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	dep := w.live(t, "web")
	foreign := w.foreigner(t)
	for _, err := range []error{
		second(foreign.Service(t.Context(), svc.ID)), second(foreign.Service(t.Context(), "web")),
		second(foreign.Deployment(t.Context(), dep.ID)), second(foreign.Rollback(t.Context(), dep.ID)),
		second(foreign.Cancel(t.Context(), dep.ID)), foreign.DeleteService(t.Context(), svc.ID),
		second(foreign.Deployments(t.Context(), svc.ID, 10)),
	} {
		if !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
	if all, err := foreign.Deployments(t.Context(), "", 10); err != nil || len(all) != 0 {
		t.Errorf("deployments of others: %+v, %v", all, err)
	}
	for e, err := range foreign.Events(t.Context(), client.EventQuery{}) {
		t.Errorf("an event of others: %+v, %v", e, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAServerThatIsNotThereIsTold(t *testing.T) {
	c, err := client.New("http://127.0.0.1:1", "csph_x", "test")
	if err != nil {
		t.Fatal(err)
	}
	var unreachable *client.UnreachableError
	if _, err := c.Whoami(t.Context()); !errors.As(err, &unreachable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, err := range c.Events(ctx, client.EventQuery{Follow: true}) {
		if !errors.As(err, &unreachable) {
			t.Errorf("got %v", err)
		}
	}
	for _, base := range []string{"", "localhost:7070", "ftp://x", "http://"} {
		if _, err := client.New(base, "", ""); err == nil {
			t.Errorf("%q is taken as a URL", base)
		}
	}
}
