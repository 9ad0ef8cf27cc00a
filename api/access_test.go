package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"csph/api"
	"csph/api/apitest"
	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// household is an account with one of everything, and everybody who might ask for it.
type household struct {
	world
	contract
	names   map[string]string // by parameter of a path: what it stands for
	secrets []string          // ids and names that nobody outside may see
	callers map[string]asking
}

// asking is somebody who asks, and what the one rule says of them.
type asking struct {
	token string
	may   platform.Caller
	// outside says that nothing of the household exists for them.
	outside bool
}

func newHousehold(t *testing.T) household {
	h := household{world: start(t)}
	h.contract = h.world.contract(t)
	svc := h.service(t, "hidden-web")
	dep := h.live(t, svc.ID)
	if _, err := h.SetSecrets(t.Context(), svc.ID, map[string]string{"SECRET": "x"}); err != nil {
		t.Fatal(err)
	}
	h.Deployer.Settled(t, h.newest(t, svc.ID))
	if _, err := h.SetRegistry(t.Context(), svc.ID, wire.NewRegistry{Host: "registry.example.com", Username: "me", Password: "right"}); err != nil {
		t.Fatal(err)
	}
	invited, err := h.Invite(t.Context(), wire.NewInvitation{Name: "invited"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := h.AddKey(t.Context(), wire.NewKey{Public: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.CreateToken(t.Context(), wire.NewToken{Name: "reader", ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.CreateProject(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ConnectRepository(t.Context(), svc.ID, wire.NewRepository{URL: "https://example.com/a/b"}); err != nil {
		t.Fatal(err)
	}
	hook, err := h.CreateWebhook(t.Context(), svc.ID, wire.NewWebhook{Provider: "github"})
	if err != nil {
		t.Fatal(err)
	}
	domain, err := h.AddDomain(t.Context(), wire.NewDomain{Name: "hidden.example.com", Service: svc.ID})
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := h.AddSchedule(t.Context(), svc.ID, wire.NewSchedule{Cron: "@daily", Command: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := h.RunSchedule(t.Context(), schedule.ID)
	if err != nil {
		t.Fatal(err)
	}
	volume, err := h.CreateVolume(t.Context(), wire.NewVolume{Name: "hidden-data", Service: svc.ID, Path: "/data"})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := h.CreateSnapshot(t.Context(), volume.Volume.ID, wire.NewSnapshot{})
	if err != nil {
		t.Fatal(err)
	}
	h.names = map[string]string{
		"{volume}": volume.Volume.ID, "{snapshot}": snapshot.ID,
		"{schedule}": schedule.ID, "{run}": run.ID, "{webhook}": hook.ID, "{domain}": domain.ID,
		"{service}": svc.ID, "{deployment}": dep.ID, "{environment}": svc.Environment, "{project}": svc.Project,
		"{member}": token.Member, "{invitation}": invited.ID, "{key}": key.ID, "{token}": token.ID,
		"{secret}": "SECRET", "{host}": "registry.example.com", "{account}": h.Account.ID, "{content}": strings.Repeat("a", 64),
	}
	h.secrets = []string{volume.Volume.ID, volume.Volume.Name, svc.ID, svc.Name, dep.ID, svc.Environment, svc.Project}
	h.callers = map[string]asking{
		"member":          {token: h.NewMember(t, platform.Invitation{Name: "m", Role: platform.RoleMember}), may: platform.Caller{Role: platform.RoleMember}},
		"viewer":          {token: h.NewMember(t, platform.Invitation{Name: "v", Role: platform.RoleViewer}), may: platform.Caller{Role: platform.RoleViewer}},
		"read-only admin": {token: token.Secret, may: platform.Caller{Role: platform.RoleAdmin, Operator: true, ReadOnly: true}},
		"invited":         {token: invited.Secret, may: platform.Caller{Invitation: true}},
		"foreign admin":   {token: h.NewAccount(t, "foreign"), may: platform.Caller{Role: platform.RoleAdmin}, outside: true},
		"member of another project": {
			token: h.NewMember(t, platform.Invitation{Name: "o", Role: platform.RoleMember, Projects: []string{other.ID}}),
			may:   platform.Caller{Role: platform.RoleMember, Projects: []string{other.ID}}, outside: true,
		},
		"admin of another project": {
			token: h.NewMember(t, platform.Invitation{Name: "a", Role: platform.RoleAdmin, Projects: []string{other.ID}}),
			may:   platform.Caller{Role: platform.RoleAdmin, Projects: []string{other.ID}}, outside: true,
		},
	}
	return h
}

func (w world) newest(t *testing.T, service string) string {
	t.Helper()
	all, err := w.Deployments(t.Context(), service, 1)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d deployments, %v", len(all), err)
	}
	return all[0].ID
}

// place is the path of an operation on the household's things.
func (h household) place(t *testing.T, e entry) string {
	t.Helper()
	return parameter.ReplaceAllStringFunc(e.path, func(name string) string {
		if h.names[name] == "" {
			t.Fatalf("%s has a parameter %s that this test does not know: give it one of the household's things", e.path, name)
		}
		return h.names[name]
	})
}

// TestEveryOperationIsRefusedToWhoHasNoRightToIt walks every operation of the document × everybody. Without the right
// it is forbidden; from outside nothing exists. Those with the right who are inside are asked nothing here that changes anything.
func TestEveryOperationIsRefusedToWhoHasNoRightToIt(t *testing.T) {
	h := newHousehold(t)
	refused, hidden := 0, 0
	for _, e := range h.entries {
		if e.Right == "" {
			t.Errorf("%s says no right that it needs", e.ID)
		}
		path := h.place(t, e)
		for name, who := range h.callers {
			if who.may.Check(e.Right) != nil {
				refused++
				answer, text := h.try(t, h.contract, e, path, who.token)
				wants(t, name+" "+e.ID, answer, text, http.StatusForbidden, wire.CodeForbidden)
				continue
			}
			if who.outside && h.outOfSight(e, who) {
				hidden++
				answer, text := h.try(t, h.contract, e, path, who.token)
				wants(t, name+" "+e.ID, answer, text, http.StatusNotFound, wire.CodeNotFound)
			}
		}
	}
	t.Logf("%d requests were forbidden and %d were about nothing, on %d operations", refused, hidden, len(h.entries))
	if refused < 100 || hidden < 60 {
		t.Error("that is too few: nothing is proved")
	}
}

// outOfSight reports whether the operation is about a thing that does not exist for who. Members of the same account see
// each other, and look after their own tokens and keys, whatever their projects.
func (h household) outOfSight(e entry, who asking) bool {
	things := parameter.FindAllString(e.path, -1)
	if len(things) == 0 || things[0] == "{account}" {
		return false
	}
	return who.may.Projects == nil || things[0] != "{member}" && things[0] != "{invitation}"
}

func wants(t *testing.T, what string, answer *http.Response, text []byte, status int, code string) {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal(text, &p); err != nil || answer.StatusCode != status || p.Code != code || p.RequestID == "" {
		t.Errorf("%s: %d %s; want %d %s", what, answer.StatusCode, text, status, code)
	}
}

func TestNoListTellsAnythingToThoseOutside(t *testing.T) {
	h := newHousehold(t)
	lists := 0
	for _, e := range h.entries {
		if e.method != http.MethodGet || strings.Contains(e.path, "{") {
			continue
		}
		lists++
		for name, who := range h.callers {
			if !who.outside || who.may.Check(e.Right) != nil {
				continue
			}
			_, text := h.try(t, h.contract, e, e.path, who.token)
			for _, secret := range h.secrets {
				if strings.Contains(string(text), `"`+secret+`"`) {
					t.Errorf("%s learns %s from %s: %s", name, secret, e.ID, text)
				}
			}
		}
	}
	if lists < 8 {
		t.Errorf("only %d lists were read", lists)
	}
}

func TestATokenOfAMemberOnlyReachesItsProject(t *testing.T) {
	w := start(t)
	if _, err := w.CreateProject(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w.service(t, "web")
	w.service(t, "shop/production/till")
	made, err := w.CreateToken(t.Context(), wire.NewToken{Name: "ci", Projects: []string{"shop"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(w.URL, made.Secret, "test")
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Services(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "till" {
		t.Errorf("it lists %+v, %v", all, err)
	}
	_, err = c.CreateService(t.Context(), wire.NewService{Name: "elsewhere"})
	if problem(t, err).Code != wire.CodeNotFound {
		t.Errorf("making a service in another project: %v", err)
	}
	if _, err := c.CreateService(t.Context(), wire.NewService{Name: "shop/production/api"}); err != nil {
		t.Errorf("making a service in its project: %v", err)
	}
	child, err := c.CreateToken(t.Context(), wire.NewToken{Name: "child"})
	if err != nil || len(child.Projects) != 1 {
		t.Errorf("a token that it makes reaches further: %+v, %v", child, err)
	}
}

func TestATokenWithLimitsMakesNothingThatHasFewer(t *testing.T) {
	w := start(t)
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	made, err := w.CreateToken(t.Context(), wire.NewToken{Name: "brief", Expires: ends})
	if err != nil {
		t.Fatal(err)
	}
	brief, err := client.New(w.URL, made.Secret, "test")
	if err != nil {
		t.Fatal(err)
	}
	if child, err := brief.CreateToken(t.Context(), wire.NewToken{Name: "child"}); err != nil || !child.Expires.Equal(ends) {
		t.Errorf("one without an end ends at %s, %v; want %s", child.Expires, err, ends)
	}
	if child, err := brief.CreateToken(t.Context(), wire.NewToken{Name: "briefer", Expires: ends.Add(-time.Minute)}); err != nil || !child.Expires.Equal(ends.Add(-time.Minute)) {
		t.Errorf("one that ends earlier ends at %s, %v", child.Expires, err)
	}
	_, err = brief.CreateToken(t.Context(), wire.NewToken{Name: "longer", Expires: ends.Add(time.Minute)})
	if problem(t, err).Code != wire.CodeForbidden {
		t.Errorf("one that lasts longer: %v", err)
	}
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop"
	_, err = brief.AddKey(t.Context(), wire.NewKey{Public: key})
	if problem(t, err).Code != wire.CodeForbidden {
		t.Errorf("an SSH key by a token that ends: %v", err)
	}
	if made, err = w.CreateToken(t.Context(), wire.NewToken{Name: "some", Projects: []string{"default"}}); err != nil {
		t.Fatal(err)
	}
	some, err := client.New(w.URL, made.Secret, "test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = some.AddKey(t.Context(), wire.NewKey{Public: key})
	if problem(t, err).Code != wire.CodeForbidden {
		t.Errorf("an SSH key by a token of one project: %v", err)
	}
	if _, err := w.AddKey(t.Context(), wire.NewKey{Public: key}); err != nil {
		t.Errorf("by one without limits: %v", err)
	}
}

func TestAMemberCannotMakeATokenOfAnotherNorSeeOne(t *testing.T) {
	w := start(t)
	c, err := client.New(w.URL, w.NewMember(t, platform.Invitation{Name: "ann"}), "test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateToken(t.Context(), wire.NewToken{Name: "x", Member: "admin"})
	if problem(t, err).Code != wire.CodeForbidden {
		t.Errorf("a token of the admin: %v", err)
	}
	all, err := c.Tokens(t.Context())
	if err != nil || len(all) != 1 || all[0].MemberName != "ann" {
		t.Errorf("the tokens that she sees are %+v, %v", all, err)
	}
	if err := c.RevokeToken(t.Context(), "admin"); problem(t, err).Code != wire.CodeNotFound {
		t.Errorf("revoking the admin's token: %v", err)
	}
}

func TestWhoGuessesTokensIsSlowedDownAndOthersAreNot(t *testing.T) {
	s := apitest.StartLimited(t, api.Rates{Token: 1000, TokenBurst: 1000, Stranger: 0.01, StrangerBurst: 3})
	c, err := client.New(s.URL, s.Token, "test")
	if err != nil {
		t.Fatal(err)
	}
	w := world{s, c}
	for range 3 {
		if answer, text := w.request(t, http.MethodGet, "/v1/whoami", "csph_guess", nil); answer.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d %s", answer.StatusCode, text)
		}
	}
	answer, text := w.request(t, http.MethodGet, "/v1/whoami", "csph_guess", nil)
	wants(t, "the fourth guess", answer, text, http.StatusTooManyRequests, wire.CodeRateLimited)
	if answer.Header.Get("Retry-After") == "" {
		t.Error("it is not said when to try again")
	}
	if _, err := w.Whoami(t.Context()); err != nil {
		t.Errorf("whoever has a token, at the same address: %v", err)
	}
}

func TestATokenThatAsksTooOftenIsToldWhenToTryAgain(t *testing.T) {
	s := apitest.StartLimited(t, api.Rates{Token: 0.001, TokenBurst: 2, Stranger: 1, StrangerBurst: 1})
	c, err := client.New(s.URL, s.Token, "test")
	if err != nil {
		t.Fatal(err)
	}
	w := world{s, c}
	for range 2 {
		if _, err := w.Whoami(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.Whoami(t.Context())
	if p := problem(t, err); p.Code != wire.CodeRateLimited || p.RetryAfter < 1 {
		t.Errorf("%+v", p)
	}
}

func TestChangesAndRefusalsAreInTheAuditLog(t *testing.T) {
	w := start(t)
	began := time.Now().Add(-time.Second)
	svc := w.service(t, "web")
	viewer, err := client.New(w.URL, w.NewMember(t, platform.Invitation{Name: "vera", Role: platform.RoleViewer}), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := viewer.DeleteService(t.Context(), svc.ID); problem(t, err).Code != wire.CodeForbidden {
		t.Fatal(err)
	}
	w.request(t, http.MethodGet, "/v1/whoami", "csph_guess", nil)
	all, err := w.Audit(t.Context(), 10)
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, want := range []platform.AuditEntry{
		{Action: "authenticate", Target: "whoami", Status: 401},
		{Action: "delete-service", Target: "services/" + svc.ID, Status: 403, Member: "vera", Account: w.Account.ID},
		{Action: "create-service", Target: "services", Status: 200, Member: "admin", Account: w.Account.ID},
	} {
		got := all[i]
		if got.Action != want.Action || got.Target != want.Target || got.Status != want.Status || got.Member != want.Member || got.Account != want.Account ||
			got.Address != "127.0.0.1" || got.Request == "" || got.Time.Before(began) {
			t.Errorf("entry %d is %+v; want %+v", i, got, want)
		}
	}
	other, err := client.New(w.URL, w.NewAccount(t, "other"), "test")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := other.Audit(t.Context(), 10); err != nil || len(all) != 0 {
		t.Errorf("another account reads %+v, %v", all, err)
	}
}
