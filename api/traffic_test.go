package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"csph/api"
	"csph/api/apitest"
	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csphd/ledger"
	"csph/logs"
	"csph/platform"
)

func TestTrafficIsThatOfTheServicesThatTheCallerSees(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.service(t, "other")
	got, err := w.Traffic(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Services) != 2 || got.Services[1].Name != "web" || got.Services[1].Environment != "production" || got.Services[1].Project != "default" {
		t.Errorf("services %+v", got.Services)
	}
	if len(got.Bounds) != 1 || got.Bounds[0] != 0.001 || got.Services[0].Requests.Total() == 0 {
		t.Errorf("got %+v", got)
	}
	if got.Services[1].Use != nil {
		t.Errorf("nothing is live, and uses %+v", got.Services[1].Use)
	}
	w.live(t, "web")
	if got, err = w.Traffic(t.Context()); err != nil {
		t.Fatal(err)
	}
	if use := got.Services[1].Use; use == nil || *use != (wire.ServiceUse{Spherelets: 1, CPU: 0.5, MilliCPU: 250, Memory: 64 << 20, MemoryLimit: 512 << 20}) {
		t.Errorf("the spherelets use %+v", use)
	}
	if theirs, err := w.foreigner(t).Traffic(t.Context()); err != nil || len(theirs.Services) != 0 {
		t.Errorf("another account sees %+v (%v)", theirs.Services, err)
	}
}

func TestTheAccessLogOfAServiceIsReadAndFollowed(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	log, err := logs.Create(filepath.Join(w.LogDir(), "access", svc.ID+".log"), logs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	say := func(text string) {
		if err := log.Append(logs.Out, text); err != nil {
			t.Fatal(err)
		}
	}
	say(`{"path":"/1"}`)
	var texts []string
	for l, err := range w.AccessLog(t.Context(), "web", client.LogQuery{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, l.Text)
		if len(texts) == 2 {
			break
		}
		say(`{"path":"/2"}`)
	}
	if got := strings.Join(texts, " "); got != `{"path":"/1"} {"path":"/2"}` {
		t.Errorf("lines %s", got)
	}
	for _, err := range w.foreigner(t).AccessLog(t.Context(), svc.ID, client.LogQuery{}) {
		if err == nil {
			t.Error("another account reads it")
		}
	}
}

func TestPagesAreForThoseWhoLookAfterTheServer(t *testing.T) {
	w := start(t)
	page := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("all that is counted")) })
	server, err := api.New(api.Options{
		Records: ledger.Records{DB: w.DB}, Events: w.Server.Events(), Deployer: w.Deployer, Runtime: w.Deployer, Host: w.Server, Traffic: w.Server,
		Logger: slog.New(slog.DiscardHandler), URL: apitest.URL, LogDir: w.LogDir(), Sources: t.TempDir(), Pages: map[string]http.Handler{"/metrics": page},
	})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := w.CreateToken(t.Context(), wire.NewToken{Name: "prometheus", ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	viewer := w.NewMember(t, platform.Invitation{Name: "v", Role: platform.RoleViewer})
	for _, c := range []struct {
		who    string
		send   func(*http.Request)
		status int
	}{
		{"nobody", func(*http.Request) {}, 401},
		{"a stranger", func(r *http.Request) { r.SetBasicAuth("x", "csph_wrong") }, 401},
		{"a viewer", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+viewer) }, 403},
		{"an admin", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+w.Token) }, 200},
		{"an admin's token that can only read", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+watcher.Secret) }, 200},
		{"an admin's browser", func(r *http.Request) { r.SetBasicAuth("anybody", w.Token) }, 200},
	} {
		r, answer := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
		c.send(r)
		server.ServeHTTP(answer, r)
		if answer.Code != c.status || (c.status == 200) != strings.Contains(answer.Body.String(), "counted") {
			t.Errorf("%s: %d %s", c.who, answer.Code, answer.Body)
		}
		if c.status == 401 && !strings.HasPrefix(answer.Header().Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: a browser is not asked for a token", c.who)
		}
	}
}
