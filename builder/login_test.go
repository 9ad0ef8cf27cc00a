package builder

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"csph/platform"
	"csph/test/port"
)

// guarded is a registry that lets in who knows the password, and its host.
func guarded(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name == "me" && password == "right" {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestALoginIsCheckedAtTheRegistryAndWhatIsWrongIsToldApart(t *testing.T) {
	b := &Builder{config: Config{Registries: loopback()}}
	if err := b.CheckLogin(t.Context(), guarded(t, http.StatusOK), "me", "right"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	for _, c := range []struct{ host, password, want string }{
		{guarded(t, http.StatusOK), "wrong", "does not let this name and password in (401)"},
		{guarded(t, http.StatusServiceUnavailable), "right", "status 503"},
		{port.Reserve(t), "right", "cannot be reached"},
	} {
		err := b.CheckLogin(t.Context(), c.host, "me", c.password)
		var f *platform.Failure
		if !errors.As(err, &f) || f.Reason != platform.ImagePullFailed || !strings.Contains(f.Message, c.want) || f.Hint == "" || strings.Contains(f.Message, c.password) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	if err := b.CheckLogin(t.Context(), "no host/at all", "me", "right"); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("what is no host: %v", err)
	}
	if err := b.CheckLogin(t.Context(), "http://me:hunter2@registry.example.com", "me", "right"); !errors.Is(err, platform.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("one with a login in it: %v", err)
	}
}

func TestTheLoginOfAServiceComesBeforeTheServersOwn(t *testing.T) {
	b := &Builder{config: Config{
		Credentials: func(string) (string, string, error) { return "server", "own", nil },
		Login: func(_ context.Context, deployment, host string) (string, string, error) {
			if deployment == "dep_1" && host == "docker.io" {
				return "service", "secret", nil
			}
			return "", "", nil
		},
	}}
	for _, c := range []struct{ deployment, registry, want string }{
		{"dep_1", "registry-1.docker.io", "service"}, {"dep_1", "ghcr.io", "server"}, {"dep_2", "registry-1.docker.io", "server"},
	} {
		if user, _, err := b.loginOf(t.Context(), c.deployment)(c.registry); err != nil || user != c.want {
			t.Errorf("%s at %s pulls as %q, %v; want %q", c.deployment, c.registry, user, err, c.want)
		}
	}
}

func TestRegistriesOnThisMachineAreReachedOnlyWhereThatIsAllowed(t *testing.T) {
	b := &Builder{}
	for _, host := range []string{guarded(t, http.StatusOK), "169.254.169.254:1", "[::1]:1"} {
		err := b.CheckLogin(t.Context(), host, "me", "right")
		var f *platform.Failure
		if !errors.As(err, &f) || f.Reason != platform.ImagePullFailed || !strings.Contains(f.Message, "not reached") || !strings.Contains(f.Hint, "registries.allow") {
			t.Errorf("%s: %v", host, err)
		}
	}
	message, hint := explainPull(fmt.Errorf("resolve: %w", &closedAddressError{netip.MustParseAddr("127.0.0.1")}))
	if !strings.Contains(message, "127.0.0.1") || !strings.Contains(hint, "registries.allow") {
		t.Errorf("a pull: %s; %s", message, hint)
	}
}

func TestRegistriesOfPrivateNetworksAreReached(t *testing.T) {
	for address, reached := range map[string]bool{"10.1.2.3:443": true, "[fd00::1]:443": true, "192.0.2.1:443": true, "0.0.0.0:1": false, "[fe80::1]:1": false, "[::ffff:127.0.0.1]:1": false, "224.0.0.1:1": false} {
		if err := (&Builder{}).mayReach("tcp", address, nil); (err == nil) != reached {
			t.Errorf("%s: %v", address, err)
		}
	}
}
