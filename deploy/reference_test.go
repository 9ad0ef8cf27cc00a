package deploy_test

import (
	"strings"
	"testing"

	"csph/platform"
)

func TestReferencesResolveAtTheStart(t *testing.T) {
	w := newWorld(t)
	accounts, err := w.db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]map[string]string{
		"db":     {"password": "secret", "url": "${user}:${password}@${hostname}:${port}", "user": "${web_OWNER}"},
		"db-two": {"password": "other"},
	} {
		if _, err := w.db.CreateService(t.Context(), accounts[0].ID, name, platform.Service{Config: platform.Config{Env: env, Port: 5432}}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.db.UpdateService(t.Context(), w.svc.ID, func(s *platform.Service) error {
		s.Config.Env = map[string]string{
			"PASSWORD": "${db_password}!", "OTHER": "${db-two_password} ${db_two_password}", "OWNER": "${NAME}", "NAME": "me",
			"URL": "${db_url}", "UNKNOWN": "${db_nothing} $HOME ${x", "LOOP": "${LOOP_2}", "LOOP_2": "${LOOP}", "SELF": "a${SELF}", "AT": "${hostname}:${PORT}",
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.mustPush("one", platform.Live)
	w.engine.mu.Lock()
	env := w.engine.applied[0].Env
	w.engine.mu.Unlock()
	for name, want := range map[string]string{
		"PASSWORD": "secret!", "OTHER": "other other", "OWNER": "me", "URL": "me:secret@db:5432",
		"UNKNOWN": "${db_nothing} $HOME ${x", "SELF": "a${SELF}", "AT": "web:8080",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	if !strings.HasPrefix(env["LOOP"], "${LOOP") {
		t.Errorf("LOOP is %q", env["LOOP"])
	}
}
