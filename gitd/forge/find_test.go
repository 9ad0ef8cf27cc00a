package forge_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"csph/gitd/remote"
	"csph/gitd/webhook"
	"csph/platform"
)

// lists has the host answer what is read with form, in which text is.
func (h *host) lists(form, text string) {
	h.answer = func(_ int, r *http.Request) (int, map[string]string, string) {
		if r.Method == http.MethodGet {
			return http.StatusOK, nil, fmt.Sprintf(form, text)
		}
		return http.StatusCreated, nil, `{"id": 42}`
	}
}

func TestADeploymentWhoseMakingWasNotNotedIsFound(t *testing.T) {
	h := newHost(t)
	to := remote.Repository{URL: h.URL + "/acme/shop", Credential: remote.Credential{Token: "secret"}}
	r := report(platform.ReportDeployment, platform.ReportPending)
	for range 2 {
		if _, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitHub, to, r); err != nil {
			t.Fatal(err)
		}
		h.lists(`[{"id": 7, "payload": {}}, {"id": 42, "payload": {"csph": %q}}]`, fmt.Sprint(h.bodies[1]["payload"].(map[string]any)["csph"]))
	}
	const deployments = "POST /api/v3/repos/acme/shop/deployments"
	if want := []string{deployments, deployments + "/42/statuses", deployments + "/42/statuses"}; !slices.Equal(h.changes(), want) {
		t.Errorf("asked %q", h.asked)
	}
}

func TestTheDeploymentsOfAPreviewThatHasGoneAreInactive(t *testing.T) {
	h := newHost(t)
	h.lists(`[{"id": 9, "payload": {"csph": %q}}, {"id": 8, "payload": ""}, {"id": 7, "payload": {"csph": "csph-1"}}]`, "csph-2")
	r := report(platform.ReportDeployment, platform.ReportInactive)
	r.Environment = "pr-7/shop"
	if _, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitHub, remote.Repository{URL: h.URL + "/acme/shop"}, r); err != nil {
		t.Fatal(err)
	}
	if h.asked[0] != "GET /api/v3/repos/acme/shop/deployments?environment=pr-7%2Fshop&per_page=100" {
		t.Errorf("asked %q", h.asked)
	}
	const deployments = "POST /api/v3/repos/acme/shop/deployments/"
	if want := []string{deployments + "9/statuses", deployments + "7/statuses"}; !slices.Equal(h.changes(), want) || h.said("state") != "inactive" {
		t.Errorf("asked %q, said %v", h.asked, h.said("state"))
	}
}

func TestAHostThatFailsToListIsAskedAgainBeforeAnythingIsMade(t *testing.T) {
	h := newHost(t)
	h.answer = func(int, *http.Request) (int, map[string]string, string) {
		return http.StatusBadGateway, nil, ""
	}
	_, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitHub, remote.Repository{URL: h.URL + "/acme/shop"}, report(platform.ReportComment, platform.ReportSuccess))
	if err == nil || len(h.changes()) > 0 {
		t.Errorf("%v, asked %q", err, h.asked)
	}
}

func TestACommentOnAFarPageIsFoundAndEndlessListsAreNotReadToTheirEnd(t *testing.T) {
	h := newHost(t)
	page := "[" + strings.Repeat(`{"id": 1, "body": "x"},`, 99) + `{"id": 1, "body": "x"}]`
	h.answer = func(_ int, r *http.Request) (int, map[string]string, string) {
		if r.Method == http.MethodGet {
			return http.StatusOK, nil, page
		}
		return http.StatusCreated, nil, `{"id": 42}`
	}
	handle, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitHub, remote.Repository{URL: h.URL + "/acme/shop"}, report(platform.ReportComment, platform.ReportSuccess))
	if err != nil || handle != "42" || len(h.asked) != 6 || !strings.Contains(h.asked[4], "page=5") {
		t.Errorf("%q, %v, asked %q", handle, err, h.asked)
	}
}

func TestGitLabBelowAFolderOfItsHostIsFoundOnce(t *testing.T) {
	h := newHost(t)
	h.answer = func(_ int, r *http.Request) (int, map[string]string, string) {
		switch {
		case !strings.HasPrefix(r.URL.Path, "/tools/gitlab/"):
			return http.StatusOK, nil, `{"id": 1, "path_with_namespace": "somebody/else"}`
		case r.Method == http.MethodGet:
			return http.StatusOK, nil, `{"id": 5, "path_with_namespace": "Acme/shop"}`
		}
		return http.StatusCreated, nil, `{"id": 42}`
	}
	client := h.client("127.0.0.0/8")
	to := remote.Repository{URL: h.URL + "/tools/gitlab/acme/shop.git", Credential: remote.Credential{Token: "secret"}}
	for range 2 {
		if _, err := client.Tell(t.Context(), webhook.GitLab, to, report(platform.ReportStatus, platform.ReportPending)); err != nil {
			t.Fatal(err)
		}
	}
	const status = "POST /tools/gitlab/api/v4/projects/acme%2Fshop/statuses/" + commit
	if want := []string{status, status}; !slices.Equal(h.changes(), want) || len(h.asked) != 5 {
		t.Errorf("asked %q", h.asked)
	}
}
