package forge_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"csph/gitd/forge"
	"csph/gitd/remote"
	"csph/gitd/webhook"
	"csph/platform"
)

const commit = "a10867b14bb761a232cd80139fbd4c0d33264240"

// host is a provider's API: it writes down what it is told and answers as a test says.
type host struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // "METHOD /path?query"
	bodies []map[string]any
	signed []string // the last requests' Authorization
	answer func(n int, r *http.Request) (status int, header map[string]string, body string)
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{}
	h.Server = httptest.NewTLSServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, r.Method+" "+r.URL.RequestURI())
	h.signed = append(h.signed, r.Header.Get("Authorization"))
	var fields map[string]any
	if len(body) > 0 && json.Unmarshal(body, &fields) != nil {
		http.Error(w, "no JSON", http.StatusTeapot)
		return
	}
	h.bodies = append(h.bodies, fields)
	status, header, text := http.StatusCreated, map[string]string(nil), `{"id": 42, "version": 3}`
	if h.answer != nil {
		status, header, text = h.answer(len(h.asked), r)
	}
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// client reaches the host, although it is on this machine, and trusts it.
func (h *host) client(allow ...string) *forge.Client {
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	var allowed []netip.Prefix
	for _, p := range allow {
		allowed = append(allowed, netip.MustParsePrefix(p))
	}
	return forge.NewClient(remote.New(remote.Config{Allow: allowed, Roots: roots}).Transport())
}

func report(kind platform.ReportKind, state platform.ReportState) platform.Report {
	return platform.Report{
		Subject: "s", Service: "svc_1", Kind: kind, State: state, Commit: commit, Ref: "main", Label: "csph/shop", Environment: "production/shop",
		Pull: 7, Text: "live", URL: "http://shop.localhost", Deployment: "dep_1",
	}
}

// changes are the requests that were not for reading.
func (h *host) changes() (all []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.asked {
		if !strings.HasPrefix(one, http.MethodGet) {
			all = append(all, one)
		}
	}
	return all
}

// said is a value deep in the last body.
func (h *host) said(path ...string) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	var v any = h.bodies[len(h.bodies)-1]
	for _, name := range path {
		if list, ok := v.([]any); ok {
			v = list[0]
		}
		fields, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = fields[name]
	}
	return v
}

func TestEveryProviderIsToldInItsOwnWords(t *testing.T) {
	for provider, c := range map[forge.Provider]struct {
		repository, status, comment, change string
		state                               [3]string // pending, success, failure
		statePath, textPath                 []string
		signed                              string
		listed                              string // how comments are listed
	}{
		webhook.GitHub: {
			"/acme/shop.git", "/api/v3/repos/acme/shop/statuses/" + commit, "/api/v3/repos/acme/shop/issues/7/comments", "PATCH /api/v3/repos/acme/shop/issues/comments/42",
			[3]string{"pending", "success", "failure"}, []string{"state"}, []string{"body"}, "Bearer secret", `[{"id": 7, "body": "nice"}, {"id": 42, "body": %q}]`,
		},
		webhook.Gitea: {
			"/acme/shop", "/api/v1/repos/acme/shop/statuses/" + commit, "/api/v1/repos/acme/shop/issues/7/comments", "PATCH /api/v1/repos/acme/shop/issues/comments/42",
			[3]string{"pending", "success", "failure"}, []string{"state"}, []string{"body"}, "Bearer secret", `[{"id": 42, "body": %q}]`,
		},
		webhook.GitLab: {
			"/acme/web/shop.git", "/api/v4/projects/acme%2Fweb%2Fshop/statuses/" + commit, "/api/v4/projects/acme%2Fweb%2Fshop/merge_requests/7/notes", "PUT /api/v4/projects/acme%2Fweb%2Fshop/merge_requests/7/notes/42",
			[3]string{"pending", "success", "failed"}, []string{"state"}, []string{"body"}, "Bearer secret", `[{"id": 42, "body": %q}]`,
		},
		webhook.Bitbucket: {
			"/acme/shop", "/2.0/repositories/acme/shop/commit/" + commit + "/statuses/build", "/2.0/repositories/acme/shop/pullrequests/7/comments", "PUT /2.0/repositories/acme/shop/pullrequests/7/comments/42",
			[3]string{"INPROGRESS", "SUCCESSFUL", "FAILED"}, []string{"state"}, []string{"content", "raw"}, "Bearer secret", `{"values": [{"id": 42, "content": {"raw": %q}}]}`,
		},
		webhook.BitbucketServer: {
			"/scm/ACME/shop.git", "/rest/build-status/1.0/commits/" + commit, "/rest/api/1.0/projects/ACME/repos/shop/pull-requests/7/comments", "PUT /rest/api/1.0/projects/ACME/repos/shop/pull-requests/7/comments/42",
			[3]string{"INPROGRESS", "SUCCESSFUL", "FAILED"}, []string{"state"}, []string{"text"}, "Bearer secret", `{"version": 3, "values": [{"action": "OPENED"}, {"action": "COMMENTED", "comment": {"id": 42, "text": %q}}]}`,
		},
		webhook.AzureDevOps: {
			"/acme/My%20Project/_git/shop", "/acme/My%20Project/_apis/git/repositories/shop/commits/" + commit + "/statuses?api-version=7.1",
			"/acme/My%20Project/_apis/git/repositories/shop/pullRequests/7/threads?api-version=7.1", "PATCH /acme/My%20Project/_apis/git/repositories/shop/pullRequests/7/threads/42/comments/1?api-version=7.1",
			[3]string{"pending", "succeeded", "failed"}, []string{"state"}, []string{"comments", "content"}, "Basic OnNlY3JldA==", `{"value": [{"id": 42, "comments": [{"content": %q}]}]}`,
		},
	} {
		t.Run(string(provider), func(t *testing.T) {
			h := newHost(t)
			to := remote.Repository{URL: h.URL + c.repository, Credential: remote.Credential{Token: "secret"}}
			tell := func(r platform.Report) string {
				t.Helper()
				handle, err := h.client("127.0.0.0/8").Tell(t.Context(), provider, to, r)
				if err != nil {
					t.Fatal(err)
				}
				return handle
			}
			for i, state := range []platform.ReportState{platform.ReportPending, platform.ReportSuccess, platform.ReportFailure} {
				tell(report(platform.ReportStatus, state))
				if made := h.changes(); made[i] != "POST "+c.status || h.said(c.statePath...) != c.state[i] {
					t.Errorf("%s: %s, state %v", state, made[i], h.said(c.statePath...))
				}
			}
			if h.signed[0] != c.signed {
				t.Errorf("signed %q", h.signed[0])
			}
			r := report(platform.ReportComment, platform.ReportSuccess)
			r.Handle = tell(r)
			text, _ := h.said(c.textPath...).(string)
			if made := h.changes(); r.Handle != "42" || made[3] != "POST "+c.comment || !strings.HasPrefix(text, "live\n\n[//]: # (csph-") {
				t.Errorf("comment: %s, handle %q, said %q", made[3], r.Handle, text)
			}
			if again := tell(r); again != "42" || h.asked[len(h.asked)-1] != c.change {
				t.Errorf("change: %q, handle %q", h.asked[len(h.asked)-1], again)
			}
			// Made, and csphd has died before it was noted.
			h.lists(c.listed, text)
			if r.Handle = ""; tell(r) != "42" || len(h.changes()) != 6 || h.changes()[5] != c.change {
				t.Errorf("the comment that is there: %q", h.changes())
			}
			if r.Subject = "another"; tell(r) == "" || len(h.changes()) != 7 || h.changes()[6] != "POST "+c.comment {
				t.Errorf("the comment of another subject: %q", h.changes())
			}
		})
	}
}

func TestACommentOfBitbucketServerIsChangedByItsVersion(t *testing.T) {
	h := newHost(t)
	r := report(platform.ReportComment, platform.ReportSuccess)
	r.Handle = "42"
	to := remote.Repository{URL: h.URL + "/folder/scm/ACME/shop.git", Credential: remote.Credential{Token: "secret", User: "ann"}}
	if _, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.BitbucketServer, to, r); err != nil {
		t.Fatal(err)
	}
	const comment = "/folder/rest/api/1.0/projects/ACME/repos/shop/pull-requests/7/comments/42"
	if len(h.asked) != 2 || h.asked[0] != "GET "+comment || h.asked[1] != "PUT "+comment || fmt.Sprint(h.said("version")) != "3" {
		t.Errorf("%v with version %v", h.asked, h.said("version"))
	}
	if !strings.HasPrefix(h.signed[0], "Basic ") {
		t.Errorf("signed %q", h.signed[0])
	}
}

func TestADeploymentIsMadeOnceAtGitHubAndThenItsStates(t *testing.T) {
	h := newHost(t)
	to := remote.Repository{URL: h.URL + "/acme/shop", Credential: remote.Credential{Token: "secret"}}
	r := report(platform.ReportDeployment, platform.ReportPending)
	for _, state := range []platform.ReportState{platform.ReportPending, platform.ReportSuccess} {
		var err error
		r.State = state
		if r.Handle, err = h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitHub, to, r); err != nil {
			t.Fatal(err)
		}
	}
	const deployments = "POST /api/v3/repos/acme/shop/deployments"
	if want := []string{deployments, deployments + "/42/statuses", deployments + "/42/statuses"}; !slices.Equal(h.changes(), want) {
		t.Errorf("asked %q", h.asked)
	}
	if made := h.bodies[1]; made["ref"] != commit || made["environment"] != "production/shop" || made["production_environment"] != true || h.bodies[2]["state"] != "in_progress" || h.said("environment_url") != "http://shop.localhost" {
		t.Errorf("said %v", h.bodies)
	}
}

func TestACommentThatWasDeletedIsMadeAgain(t *testing.T) {
	h := newHost(t)
	h.answer = func(_ int, r *http.Request) (int, map[string]string, string) {
		if r.Method == http.MethodPatch {
			return http.StatusNotFound, nil, `{"message":"Not Found"}`
		}
		return http.StatusCreated, nil, `{"id": 43}`
	}
	r := report(platform.ReportComment, platform.ReportSuccess)
	r.Handle = "42"
	handle, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitHub, remote.Repository{URL: h.URL + "/acme/shop"}, r)
	if err != nil || handle != "43" {
		t.Errorf("%q, %v", handle, err)
	}
}

func TestAStatusThatGitLabHasAlreadyIsTold(t *testing.T) {
	h := newHost(t)
	h.answer = func(int, *http.Request) (int, map[string]string, string) {
		return http.StatusBadRequest, nil, `{"message":"Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")"}`
	}
	_, err := h.client("127.0.0.0/8").Tell(t.Context(), webhook.GitLab, remote.Repository{URL: h.URL + "/acme/shop"}, report(platform.ReportStatus, platform.ReportPending))
	if err != nil {
		t.Error(err)
	}
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	other := newHost(t)
	h := newHost(t)
	h.answer = func(int, *http.Request) (int, map[string]string, string) {
		return http.StatusTemporaryRedirect, map[string]string{"Location": other.URL}, ""
	}
	tell := func(c *forge.Client, repository string) error {
		_, err := c.Tell(t.Context(), webhook.Gitea, remote.Repository{URL: repository, Credential: remote.Credential{Token: "secret"}}, report(platform.ReportStatus, platform.ReportPending))
		return err
	}
	var refused *forge.RefusedError
	if err := tell(h.client("127.0.0.0/8"), h.URL+"/acme/shop"); !errors.As(err, &refused) || refused.Status != http.StatusTemporaryRedirect || len(other.asked) > 0 {
		t.Errorf("a redirect: %v, and the other host was asked %v", err, other.asked)
	}
	var closed *remote.AddressError
	if err := tell(h.client(), h.URL+"/acme/shop"); !errors.As(err, &closed) {
		t.Errorf("an address of this machine: %v", err)
	}
	for _, repository := range []string{"http" + strings.TrimPrefix(h.URL, "https") + "/acme/shop", "ssh://git@example.com/acme/shop", h.URL + "/shop"} {
		if err := tell(h.client("127.0.0.0/8"), repository); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%s: %v", repository, err)
		}
	}
}

func TestProvidersAreKnownByTheirHosts(t *testing.T) {
	for host, want := range map[string]forge.Provider{
		"github.com": webhook.GitHub, "gitlab.com": webhook.GitLab, "bitbucket.org": webhook.Bitbucket, "dev.azure.com": webhook.AzureDevOps,
		"acme.visualstudio.com": webhook.AzureDevOps, "codeberg.org": webhook.Gitea, "git.example.com": "", "github.com.example.com": "",
	} {
		if got := forge.ProviderOf(host); got != want {
			t.Errorf("%s is of %q", host, got)
		}
	}
}
