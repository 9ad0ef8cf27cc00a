package store

import (
	"strings"
	"testing"

	"csph/platform"
)

func TestAHostNameThatAnotherAccountHasGetsTheAccountBehindIt(t *testing.T) {
	db, _ := started(t)
	hosts := map[string]bool{}
	for _, account := range []string{"acme", "beta", strings.Repeat("c", 62)} {
		made, err := db.CreateAccount(t.Context(), account, platform.Quota{})
		must(t, err)
		svc, err := db.CreateService(t.Context(), made.Account.ID, "shared", platform.Service{})
		must(t, err)
		if hosts[svc.Host] || !strings.HasPrefix(svc.Host, "shared") || checkName("host", svc.Host) != nil {
			t.Errorf("%s gets the host name %s", account, svc.Host)
		}
		hosts[svc.Host] = true
	}
	if !hosts["shared"] || !hosts["shared-beta"] {
		t.Errorf("the host names are %v", hosts)
	}
}
