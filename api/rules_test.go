package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func TestAPostWithAnIdempotencyKeyIsCarriedOutOnce(t *testing.T) {
	w := start(t)
	post := func(key, body string) (*http.Response, []byte) {
		return w.request(t, http.MethodPost, "/v1/tokens", w.Token, strings.NewReader(body), "Content-Type", "application/json", "Idempotency-Key", key)
	}
	first, made := post("k1", `{"name":"ci"}`)
	again, same := post("k1", `{"name":"ci"}`)
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusCreated || !bytes.Equal(made, same) {
		t.Errorf("%d %s\n%d %s", first.StatusCode, made, again.StatusCode, same)
	}
	if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Error("it is not told which one was carried out")
	}
	if all, err := w.Tokens(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d tokens, %v", len(all), err)
	}
	answer, text := post("k1", `{"name":"other"}`)
	wants(t, "the same key for something else", answer, text, http.StatusConflict, wire.CodeConflict)
	answer, text = post(strings.Repeat("k", 256), `{"name":"x"}`)
	wants(t, "a key that is too long", answer, text, http.StatusUnprocessableEntity, wire.CodeInvalid)
}

func TestAPostThatWasRefusedGivesItsKeyFreeAgain(t *testing.T) {
	w := start(t)
	post := func() (*http.Response, []byte) {
		return w.request(t, http.MethodPost, "/v1/services/web/deployments", w.Token, strings.NewReader(`{"image":"nginx:1"}`), "Content-Type", "application/json", "Idempotency-Key", "k")
	}
	answer, text := post()
	wants(t, "before there is a service", answer, text, http.StatusNotFound, wire.CodeNotFound)
	w.service(t, "web")
	if answer, text := post(); answer.StatusCode != http.StatusAccepted {
		t.Errorf("once there is one: %d %s", answer.StatusCode, text)
	}
}

func TestOfTwoAdminsWhoChangeAServiceTheSlowerIsTold(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	read, _ := w.request(t, http.MethodGet, "/v1/services/web", w.Token, nil)
	tag := read.Header.Get("ETag")
	patch := func(body string) (*http.Response, []byte) {
		return w.request(t, http.MethodPatch, "/v1/services/web", w.Token, strings.NewReader(body), "Content-Type", "application/json", "If-Match", tag)
	}
	first, _ := patch(`{"set_env":{"A":"1"}}`)
	second, text := patch(`{"set_env":{"B":"2"}}`)
	wants(t, "the slower one", second, text, http.StatusPreconditionFailed, wire.CodePrecondition)
	if first.StatusCode != http.StatusOK || first.Header.Get("ETag") == tag {
		t.Errorf("the quicker one: %d with ETag %s", first.StatusCode, first.Header.Get("ETag"))
	}
	svc, err := w.Service(t.Context(), "web")
	if err != nil || len(svc.Config.Env) != 1 {
		t.Errorf("%v, %v", svc.Config.Env, err)
	}
}

// TestRacingChangesAreAllThereOrRefused lets admins change one service at once: without a condition every change counts,
// with one exactly those that were answered with success.
func TestRacingChangesAreAllThereOrRefused(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	const racers = 8
	var done sync.WaitGroup
	accepted := make([]bool, racers)
	for i := range racers {
		done.Go(func() {
			name := fmt.Sprintf("PLAIN_%d", i)
			if _, err := w.Configure(t.Context(), "web", wire.ConfigChange{SetEnv: map[string]string{name: "x"}}); err != nil {
				t.Error(err)
			}
			read, _ := w.request(t, http.MethodGet, "/v1/services/web", w.Token, nil)
			body := fmt.Sprintf(`{"set_env":{"TAGGED_%d":"x"}}`, i)
			answer, text := w.request(t, http.MethodPatch, "/v1/services/web", w.Token, strings.NewReader(body), "Content-Type", "application/json", "If-Match", read.Header.Get("ETag"))
			accepted[i] = answer.StatusCode == http.StatusOK
			if !accepted[i] && answer.StatusCode != http.StatusPreconditionFailed {
				t.Errorf("%d %s", answer.StatusCode, text)
			}
		})
	}
	done.Wait()
	svc, err := w.Service(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	for i := range racers {
		if svc.Config.Env[fmt.Sprintf("PLAIN_%d", i)] == "" {
			t.Errorf("change %d is lost", i)
		}
		if _, there := svc.Config.Env[fmt.Sprintf("TAGGED_%d", i)]; there != accepted[i] {
			t.Errorf("conditional change %d is there: %v; it was accepted: %v", i, there, accepted[i])
		}
	}
}

func TestListsComeInPagesThatMissNothing(t *testing.T) {
	w := start(t)
	var want []string
	for i := range 7 {
		want = append(want, w.service(t, fmt.Sprintf("web-%d", i)).Name)
	}
	got, pages := w.paged(t, "/v1/services?limit=3")
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("in %d pages: %v", pages, got)
	}
	for i := range 5 {
		w.Deployer.Settled(t, w.deploymentOf(t, fmt.Sprintf("web-%d", i)))
	}
	all, err := w.Deployments(t.Context(), "", 0)
	if err != nil || len(all) != 5 || !slices.IsSortedFunc(all, func(a, b platform.Deployment) int { return strings.Compare(b.ID, a.ID) }) {
		t.Errorf("%d deployments, %v", len(all), err)
	}
	answer, text := w.request(t, http.MethodGet, "/v1/services?cursor=***", w.Token, nil)
	wants(t, "a cursor that is none", answer, text, http.StatusUnprocessableEntity, wire.CodeInvalid)
}

// paged follows a list from its first page to its last, and returns the names on them.
func (w world) paged(t *testing.T, path string) (names []string, pages int) {
	t.Helper()
	for ; path != ""; pages++ {
		answer, text := w.request(t, http.MethodGet, path, w.Token, nil)
		var some []struct{ Name string }
		if err := json.Unmarshal(text, &some); err != nil {
			t.Fatal(err)
		}
		for _, one := range some {
			names = append(names, one.Name)
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(answer.Header.Get("Link"), "<"), ">")
	}
	return names, pages
}

func (w world) deploymentOf(t *testing.T, service string) string {
	t.Helper()
	d, err := w.DeployImage(t.Context(), service, wire.NewDeployment{Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

func TestTheDocsPageNamesEveryOperationAndLoadsNothingFromElsewhere(t *testing.T) {
	w := start(t)
	answer, page := w.request(t, http.MethodGet, "/docs", "", nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", answer.StatusCode, page)
	}
	for _, e := range w.contract(t).entries {
		if !bytes.Contains(page, []byte(`id="`+e.ID+`"`)) {
			t.Errorf("%s is not on the page", e.ID)
		}
	}
	for _, from := range []string{`href="http`, "src=", "url(", "@import", "<script", "<link"} {
		if bytes.Contains(page, []byte(from)) {
			t.Errorf("the page loads something by %s", from)
		}
	}
}

func TestASecretComesBackInNoAnswerAndIsMaskedInLogs(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	d := w.live(t, "web")
	const secret = "correct-horse-battery"
	out, err := w.SetSecrets(t.Context(), "web", map[string]string{"PASSWORD": secret})
	if err != nil || out.Deployment == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	w.Deployer.Settled(t, out.Deployment.ID)
	if _, err := w.SetRegistry(t.Context(), "web", wire.NewRegistry{Host: "ghcr.io", Username: "me", Password: "right"}); err != nil {
		t.Fatal(err)
	}
	log := w.writer(t, d.ID, "sph_a")
	write(t, log, "connecting with "+secret+" now")
	c := w.contract(t)
	for _, e := range c.entries {
		if e.method != http.MethodGet {
			continue
		}
		path := strings.NewReplacer("{service}", svc.ID, "{deployment}", d.ID, "{environment}", svc.Environment, "{project}", svc.Project, "{member}", "admin").Replace(e.path)
		if _, text := w.try(t, c, e, path, w.Token); bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s answers with the secret: %s", e.ID, text)
		}
	}
	lines := 0
	for l, err := range w.DeploymentLogs(t.Context(), d.ID, client.LogQuery{}) {
		if lines++; err != nil || l.Text != "connecting with *** now" {
			t.Errorf("the log says %q, %v", l.Text, err)
		}
	}
	if lines != 1 {
		t.Errorf("%d lines", lines)
	}
	all, err := w.Secrets(t.Context(), "web")
	if err != nil || len(all) != 1 || all[0].Version != 1 || all[0].By != "admin" {
		t.Errorf("%+v, %v", all, err)
	}
	if out, err := w.UnsetSecret(t.Context(), "web", "PASSWORD"); err != nil || len(out.Service.Config.Secrets) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := w.UnsetSecret(t.Context(), "web", "PASSWORD"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("unsetting it twice: %v", err)
	}
}

func TestARegistryThatRefusesTheLoginKeepsNothing(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	_, err := w.SetRegistry(t.Context(), "web", wire.NewRegistry{Host: "ghcr.io", Username: "me", Password: "wrong"})
	if p := problem(t, err); p.Code != string(platform.ImagePullFailed) || p.Hint == "" || strings.Contains(p.Detail, "wrong") {
		t.Errorf("%+v", p)
	}
	if all, err := w.Registries(t.Context(), "web"); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestACommandsOutputAndExitStatusComeBack(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	if _, err := w.SetSecrets(t.Context(), "web", map[string]string{"PASSWORD": "correct-horse"}); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	exit, err := w.Exec(t.Context(), "web", wire.NewCommand{Command: []string{"cat"}, Stdin: []byte("a\x00b correct-horse")}, &out, &errs)
	if err != nil || exit != 0 || out.String() != "a\x00b ***" {
		t.Errorf("cat: %d %q %q, %v", exit, out.String(), errs.String(), err)
	}
	exit, err = w.Exec(t.Context(), "web", wire.NewCommand{Command: []string{"false"}}, &out, &errs)
	if err != nil || exit != 1 || errs.String() != "no\n" {
		t.Errorf("false: %d %q, %v", exit, errs.String(), err)
	}
	out.Reset()
	exit, err = w.RunOnce(t.Context(), "web", wire.NewRun{Command: []string{"migrate", "--all"}}, &out)
	if err != nil || exit != 0 || out.String() != "migrate --all\n" {
		t.Errorf("run: %d %q, %v", exit, out.String(), err)
	}
	_, err = w.Exec(t.Context(), "web", wire.NewCommand{Command: []string{"cat"}, Spherelet: "sph_none"}, &out, &errs)
	if !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("in a spherelet that is not there: %v", err)
	}
}

func TestAProjectWithServicesIsDeletedOnlyByForce(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	if err := w.DeleteEnvironment(t.Context(), "production", false); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("an environment without force: %v", err)
	}
	if err := w.DeleteProject(t.Context(), "default", false); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("a project without force: %v", err)
	}
	if err := w.DeleteProject(t.Context(), "default", true); err != nil {
		t.Errorf("by force: %v", err)
	}
	if _, err := w.Service(t.Context(), "web"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("the service is still there: %v", err)
	}
}

func TestASuspendedServiceIsResumedByADeployment(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	if _, err := w.Suspend(t.Context(), "web"); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("before anything is live: %v", err)
	}
	w.live(t, "web")
	if _, err := w.Resume(t.Context(), "web"); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("resuming what is not suspended: %v", err)
	}
	if svc, err := w.Suspend(t.Context(), "web"); err != nil || !svc.Suspended {
		t.Fatalf("%+v, %v", svc, err)
	}
	d, err := w.Resume(t.Context(), "web")
	if err != nil || d.Trigger.Kind != platform.TriggerResume {
		t.Fatalf("%+v, %v", d, err)
	}
	w.Deployer.Settled(t, d.ID)
	if svc, err := w.Service(t.Context(), "web"); err != nil || svc.Suspended || svc.Running.Count != 1 {
		t.Errorf("%+v, %v", svc, err)
	}
}

func TestAnInvitationMakesAMemberWhoseRoleCanBeChanged(t *testing.T) {
	w := start(t)
	made, err := w.Invite(t.Context(), wire.NewInvitation{Name: "ann", Role: platform.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	invited, err := client.New(w.URL, made.Secret, "test")
	if err != nil {
		t.Fatal(err)
	}
	joined, err := invited.Join(t.Context())
	if err != nil || joined.Member.Name != "ann" {
		t.Fatalf("%+v, %v", joined, err)
	}
	if _, err := invited.Join(t.Context()); !errors.Is(err, platform.ErrUnauthorized) {
		t.Errorf("accepting twice: %v", err)
	}
	ann, err := client.New(w.URL, joined.Secret, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ann.CreateService(t.Context(), wire.NewService{Name: "web"}); !errors.Is(err, platform.ErrForbidden) {
		t.Errorf("a viewer makes a service: %v", err)
	}
	role := platform.RoleMember
	if m, err := w.ChangeMember(t.Context(), "ann", wire.MemberChange{Role: &role}); err != nil || m.Role != role {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := ann.CreateService(t.Context(), wire.NewService{Name: "web"}); err != nil {
		t.Errorf("a member makes a service: %v", err)
	}
	if who, err := ann.Whoami(t.Context()); err != nil || who.Role != role || len(who.Rights) != 3 {
		t.Errorf("%+v, %v", who, err)
	}
}
