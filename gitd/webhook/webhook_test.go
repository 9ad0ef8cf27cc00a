package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// pushes are the pushes to main of every provider.
var pushes = []struct {
	provider            Provider
	event, file, commit string
}{
	{GitHub, "push", "github_push.json", "a10867b14bb761a232cd80139fbd4c0d33264240"},
	{Gitea, "push", "gitea_push.json", "bffeb74224043ba2feb48d137756c8a9331c449a"},
	{GitLab, "Push Hook", "gitlab_push.json", "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"},
	{Bitbucket, "repo:push", "bitbucket_push.json", "709d658dc5b6d6afcd46049c2f332ee3f515a67d"},
	{BitbucketServer, "repo:refs_changed", "bitbucket_server_push.json", "178864a7d521b6f5e720b386b2c2b0ef8563e0dc"},
	{AzureDevOps, "", "azure_push.json", "33b55f7cb7e7e245323987634f960cf4a6e6bc74"},
	{Generic, "", "generic_push.json", "a10867b14bb761a232cd80139fbd4c0d33264240"},
}

func TestAPushToTheTrackedBranchIsDeployedOnce(t *testing.T) {
	for _, p := range pushes {
		t.Run(string(p.provider), func(t *testing.T) {
			d := newDesk(t, Hook{Provider: p.provider})
			push := sample(t, p.provider, p.event, p.file)
			if code, a := d.send(push); code != http.StatusAccepted || a.Status != "queued" || a.Commit != p.commit {
				t.Fatalf("%d %+v", code, a)
			}
			o := d.next()
			if o.Commit != p.commit || o.Ref != "refs/heads/main" || o.Subject != "Fix the basket" || !strings.EqualFold(o.Sender, "ada") || o.Service != "svc_1" || o.Address != "127.0.0.1" {
				t.Errorf("the order is %+v", o)
			}
			if code, a := d.send(push); code != http.StatusOK || a.Status != "duplicate" {
				t.Errorf("the same delivery again: %d %+v", code, a)
			}
		})
	}
}

func TestAForgedDeliveryIsRefused(t *testing.T) {
	for _, p := range pushes {
		t.Run(string(p.provider), func(t *testing.T) {
			d := newDesk(t, Hook{Provider: p.provider})
			for name, forge := range map[string]func(*delivery){
				"no proof at all": func(f *delivery) {
					for _, h := range []string{"X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Gitlab-Token", "X-Csph-Signature-256", "Authorization"} {
						f.header.Del(h)
					}
				},
				"another secret": func(f *delivery) {
					f.header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
					f.header.Set("X-Hub-Signature", "sha256="+strings.Repeat("0", 64))
					f.header.Set("X-Gitea-Signature", strings.Repeat("0", 64))
					f.header.Set("X-Csph-Signature-256", "sha256="+strings.Repeat("0", 64))
					f.header.Set("X-Gitlab-Token", secret+"x")
					(&http.Request{Header: f.header}).SetBasicAuth(azureUser, secret+"x")
				},
				"a signature that is no hex": func(f *delivery) {
					f.header.Set("X-Hub-Signature-256", "sha256=zz")
					f.header.Set("X-Hub-Signature", "sha1=00")
					f.header.Set("X-Gitea-Signature", "")
					f.header.Set("X-Csph-Signature-256", "sha256=zz")
					f.header.Set("X-Gitlab-Token", "")
					f.header.Set("Authorization", "Basic zz")
				},
			} {
				one := sample(t, p.provider, p.event, p.file)
				forge(&one)
				if code, a := d.send(one); code != http.StatusUnauthorized || a.Status != "error" {
					t.Errorf("%s: %d %+v", name, code, a)
				}
			}
			if len(d.stored) > 0 || !slices.Equal(d.refused, []string{"127.0.0.1", "127.0.0.1", "127.0.0.1"}) {
				t.Errorf("stored %+v, refused %v", d.stored, d.refused)
			}
		})
	}
}

// TestAHookWithoutABranchFollowsTheRepositorysDefaultBranch asks the providers that say which one it is.
func TestAHookWithoutABranchFollowsTheRepositorysDefaultBranch(t *testing.T) {
	const commit = "a10867b14bb761a232cd80139fbd4c0d33264240"
	for _, c := range []struct {
		provider Provider
		body     string // of a push to %s, where trunk is the default branch
	}{
		{GitHub, `{"ref":"refs/heads/%s","after":"` + commit + `","repository":{"full_name":"acme/shop","default_branch":"trunk"}}`},
		{Gitea, `{"ref":"refs/heads/%s","after":"` + commit + `","repository":{"full_name":"acme/shop","default_branch":"trunk"}}`},
		{GitLab, `{"object_kind":"push","ref":"refs/heads/%s","after":"` + commit + `","project":{"default_branch":"trunk"}}`},
		{AzureDevOps, `{"id":"%[1]s","eventType":"git.push","resource":{"refUpdates":[{"name":"refs/heads/%[1]s","newObjectId":"` + commit + `"}],"repository":{"defaultBranch":"refs/heads/trunk"}}}`},
	} {
		for branch, want := range map[string]int{"trunk": http.StatusAccepted, "main": http.StatusOK} {
			d := newDesk(t, Hook{Provider: c.provider})
			if code, a := d.send(genuine(c.provider, "push", fmt.Appendf(nil, c.body, branch))); code != want {
				t.Errorf("%s, a push to %s: %d %+v", c.provider, branch, code, a)
			}
			d = newDesk(t, Hook{Provider: c.provider, Branch: "main"})
			if code, a := d.send(genuine(c.provider, "push", fmt.Appendf(nil, c.body, branch))); code == want {
				t.Errorf("%s, a push to %s, where main is asked for: %d %+v", c.provider, branch, code, a)
			}
		}
	}
}

func TestASignedBodyThatWasChangedIsRefused(t *testing.T) {
	for _, p := range pushes {
		if p.provider == GitLab || p.provider == AzureDevOps {
			continue // these two prove only who sends
		}
		d := newDesk(t, Hook{Provider: p.provider})
		one := sample(t, p.provider, p.event, p.file)
		one.body = append(one.body, ' ')
		if code, a := d.send(one); code != http.StatusUnauthorized {
			t.Errorf("%s: %d %+v", p.provider, code, a)
		}
	}
}

func TestADeliveryAsAFormIsUnderstood(t *testing.T) {
	for _, p := range []Provider{GitHub, Gitea} {
		d := newDesk(t, Hook{Provider: p})
		one := sample(t, p, "push", string(p)+"_push.json").asForm(p, "push")
		if code, a := d.send(one); code != http.StatusAccepted {
			t.Errorf("%s: %d %+v", p, code, a)
		}
	}
}

func TestWhatDeploysNothingIsAnsweredPolitely(t *testing.T) {
	cases := []struct {
		name  string
		hook  Hook
		event string
		file  string
		edit  func(string) string
		want  string
	}{
		{"a ping", Hook{Provider: GitHub}, "ping", "github_push.json", nil, "pong"},
		{"another event", Hook{Provider: GitHub}, "star", "github_push.json", nil, "this kind of event"},
		{"another branch", Hook{Provider: GitHub, Branch: "release"}, "push", "github_push.json", nil, "branch main is not deployed, release is"},
		{"a commit to be skipped", Hook{Provider: GitHub}, "push", "github_push.json",
			func(s string) string { return strings.ReplaceAll(s, "Fix the", "[Skip CI] Fix the") }, "says to skip it"},
		{"a branch that was deleted", Hook{Provider: GitLab}, "Push Hook", "gitlab_branch_deleted.json", nil, "was deleted"},
		{"and on Bitbucket", Hook{Provider: Bitbucket}, "repo:push", "bitbucket_branch_deleted.json", nil, "was deleted"},
		{"a tag", Hook{Provider: GitLab}, "Tag Push Hook", "gitlab_tag.json", nil, "tag v1.0.0 is not deployed"},
		{"a tag that the pattern leaves out", Hook{Provider: GitLab, Tags: "release-*"}, "Tag Push Hook", "gitlab_tag.json", nil, "tag v1.0.0 is not deployed"},
		{"a pull request", Hook{Provider: Bitbucket}, "pullrequest:created", "bitbucket_pull_request.json", nil, "no previews here"},
		{"a note", Hook{Provider: GitHub}, "push", "github_push.json",
			func(s string) string { return strings.ReplaceAll(s, "refs/heads/main", "refs/notes/commits") }, "neither a branch nor a tag"},
		{"no commit id", Hook{Provider: AzureDevOps}, "", "azure_push.json",
			func(s string) string {
				return strings.ReplaceAll(s, "33b55f7cb7e7e245323987634f960cf4a6e6bc74", "--upload-pack=x")
			}, "no commit id"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, c.hook)
			one := sample(t, c.hook.Provider, c.event, c.file)
			if c.edit != nil {
				one = genuine(c.hook.Provider, c.event, []byte(c.edit(string(one.body))))
			}
			code, a := d.send(one)
			if code != http.StatusOK || !strings.Contains(a.Status+" "+a.Reason, c.want) {
				t.Errorf("%d %+v, want %q", code, a, c.want)
			}
			if len(d.stored) > 0 {
				t.Errorf("stored %+v", d.stored)
			}
		})
	}
}

func TestATagThatFitsThePatternIsDeployed(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitLab, Tags: "v*"})
	if code, a := d.send(sample(t, GitLab, "Tag Push Hook", "gitlab_tag.json")); code != http.StatusAccepted {
		t.Fatalf("%d %+v", code, a)
	}
	if o := d.next(); o.Ref != "refs/tags/v1.0.0" || o.Commit != "da1560886d4f094c3e6c9ef40349f7d38b5d27d7" {
		t.Errorf("the commit of an annotated tag, not the tag object, is deployed: %+v", o)
	}
}

// TestEveryProvidersTagsAreDeployed sends new tags as the providers write them, to a hook that wants some and to one that wants none.
func TestEveryProvidersTagsAreDeployed(t *testing.T) {
	const commit, object, none = "a10867b14bb761a232cd80139fbd4c0d33264240", "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "0000000000000000000000000000000000000000"
	for _, c := range []struct {
		provider    Provider
		event, body string
	}{
		{GitHub, "push", `{"ref":"refs/tags/v1.0.0","before":"` + none + `","after":"` + object + `","created":true,"head_commit":{"id":"` + commit + `","message":"one"}}`},
		{Gitea, "push", `{"ref":"refs/tags/v1.0.0","before":"` + none + `","after":"` + commit + `","commits":[],"head_commit":{"id":"` + commit + `","message":"one"}}`},
		{GitLab, "Tag Push Hook", `{"object_kind":"tag_push","ref":"refs/tags/v1.0.0","after":"` + object + `","checkout_sha":"` + commit + `"}`},
		{Bitbucket, "repo:push", `{"push":{"changes":[{"old":null,"created":true,"new":{"type":"tag","name":"v1.0.0","target":{"type":"commit","hash":"` + commit + `"}}}]}}`},
		{BitbucketServer, "repo:refs_changed", `{"changes":[{"ref":{"id":"refs/tags/v1.0.0","type":"TAG"},"refId":"refs/tags/v1.0.0","fromHash":"` + none + `","toHash":"` + commit + `","type":"ADD"}]}`},
		{AzureDevOps, "", `{"id":"1","eventType":"git.push","resource":{"refUpdates":[{"name":"refs/tags/v1.0.0","oldObjectId":"` + none + `","newObjectId":"` + commit + `"}]}}`},
		{Generic, "", `{"ref":"refs/tags/v1.0.0","commit":"` + commit + `"}`},
	} {
		t.Run(string(c.provider), func(t *testing.T) {
			d := newDesk(t, Hook{Provider: c.provider, Tags: "v*"})
			if code, a := d.send(genuine(c.provider, c.event, []byte(c.body))); code != http.StatusAccepted || a.Commit != commit {
				t.Errorf("%d %+v", code, a)
			}
			d = newDesk(t, Hook{Provider: c.provider})
			if code, a := d.send(genuine(c.provider, c.event, []byte(c.body))); code != http.StatusOK || a.Reason != "tag v1.0.0 is not deployed" {
				t.Errorf("where no tags are wanted: %d %+v", code, a)
			}
		})
	}
}

func TestAPullRequestAsksForAPreview(t *testing.T) {
	for _, c := range []struct {
		provider    Provider
		event, file string
	}{
		{GitLab, "Merge Request Hook", "gitlab_merge_request.json"},
		{Bitbucket, "pullrequest:created", "bitbucket_pull_request.json"},
		{BitbucketServer, "pr:opened", "bitbucket_server_pull_request.json"},
		{AzureDevOps, "", "azure_pull_request.json"},
	} {
		t.Run(string(c.provider), func(t *testing.T) {
			d := newDesk(t, Hook{Provider: c.provider, Previews: true})
			if code, a := d.send(sample(t, c.provider, c.event, c.file)); code != http.StatusAccepted {
				t.Fatalf("%d %+v", code, a)
			}
			o := d.next()
			if o.Pull == nil || o.Pull.Number != 7 || o.Pull.State != PullOpened || o.Pull.Branch != "basket" || !strings.EqualFold(o.Pull.Source, "acme/shop") || c.provider != AzureDevOps && o.Sender != "ada" {
				t.Errorf("%+v %+v", o, o.Pull)
			}
		})
	}
}

func TestAPullRequestOfAForkIsNotRunWithTheServicesSecrets(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitLab, Previews: true})
	one := sample(t, GitLab, "Merge Request Hook", "gitlab_merge_request.json")
	one.body = []byte(strings.Replace(string(one.body), `"source":{"path_with_namespace":"acme/shop"}`, `"source":{"path_with_namespace":"mallory/shop"}`, 1))
	if code, a := d.send(one); code != http.StatusOK || !strings.Contains(a.Reason, "a branch of mallory/shop") {
		t.Errorf("%d %+v", code, a)
	}
	one.body = []byte(strings.Replace(string(one.body), `"action":"open"`, `"action":"close"`, 1))
	if code, a := d.send(one); code != http.StatusAccepted {
		t.Errorf("its end is heeded all the same: %d %+v", code, a)
	}
}

func TestWhatCannotBeTakenIsRefusedWithAReason(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitHub})
	push := sample(t, GitHub, "push", "github_push.json")
	if code, _ := d.sendTo("/hooks/whk_other", push); code != http.StatusNotFound {
		t.Errorf("an unknown webhook: %d", code)
	}
	if code, a := d.send(genuine(GitHub, "push", []byte("{"))); code != http.StatusBadRequest || !strings.Contains(a.Reason, "cannot be read") {
		t.Errorf("half a body: %d %+v", code, a)
	}
	if code, _ := d.send(genuine(GitHub, "push", make([]byte, MaxBody+1))); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large: %d", code)
	}
	answer, err := http.Get(d.server.URL + "/hooks/whk_1")
	if err != nil || answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %v %v", answer, err)
	}
}

func TestADeliveryThatCannotBeStoredIsNotAccepted(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitHub})
	d.broken = true
	if code, a := d.send(sample(t, GitHub, "push", "github_push.json")); code != http.StatusServiceUnavailable || !strings.Contains(a.Reason, "deliver again") {
		t.Errorf("%d %+v", code, a)
	}
}

// numbered is a push whose delivery and commit are like no other's.
func numbered(n byte) delivery {
	commit := strings.Repeat(string('a'+n), 40)
	body, _ := json.Marshal(map[string]any{"ref": "refs/heads/main", "after": commit, "head_commit": map[string]string{"id": commit, "message": "x"}})
	d := genuine(GitHub, "push", body)
	d.header.Set("X-GitHub-Delivery", commit)
	return d
}

func TestWhatWasAcceptedIsCarriedOutAfterARestart(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitHub})
	for n := range byte(3) {
		if code, _ := d.send(numbered(n)); code != http.StatusAccepted {
			t.Fatal(code)
		}
		d.next()
	}
	d.ends <- "live" // of one of the three; the others are under way when the server dies
	for deadline := time.Now().Add(10 * time.Second); ; {
		if left, _ := d.Waiting(t.Context()); len(left) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no order was settled")
		}
	}
	d.close()
	d.open()
	again := []string{d.next().ID, d.next().ID}
	if again[0] >= again[1] {
		t.Errorf("taken up again in the order %v", again)
	}
	d.ends <- "live"
	d.ends <- "superseded"
	for deadline := time.Now().Add(10 * time.Second); ; {
		if left, _ := d.Waiting(t.Context()); len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("orders are left waiting")
		}
	}
}

func TestAnOrderThatCannotBeStartedIsSettledWithTheReason(t *testing.T) {
	d := newDesk(t, Hook{Provider: GitHub})
	body := []byte(`{"ref":"refs/heads/main","after":"a10867b14bb761a232cd80139fbd4c0d33264240","head_commit":{"id":"a10867b14bb761a232cd80139fbd4c0d33264240","message":"refuse me"}}`)
	if code, _ := d.send(genuine(GitHub, "push", body)); code != http.StatusAccepted {
		t.Fatal(code)
	}
	o := d.next()
	for deadline := time.Now().Add(10 * time.Second); ; {
		d.mu.Lock()
		outcome := d.settled[o.ID]
		d.mu.Unlock()
		if strings.Contains(outcome, "no such service") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("settled as %q", outcome)
		}
	}
}

func TestEveryProviderSaysWhatToEnterWhere(t *testing.T) {
	for _, p := range Providers() {
		text := strings.Join(p.Setup("https://hooks.example.com/hooks/whk_1", "tell nobody"), "\n")
		if !strings.Contains(text, "https://hooks.example.com/hooks/whk_1") || !strings.Contains(text, "tell nobody") {
			t.Errorf("%s: %s", p, text)
		}
	}
	if _, err := ParseProvider("sourceforge"); err == nil || !strings.Contains(err.Error(), "gitlab") {
		t.Errorf("an unknown provider: %v", err)
	}
}

func FuzzDelivery(f *testing.F) {
	for _, p := range pushes {
		f.Add(string(p.provider), p.event, sample(f, p.provider, p.event, p.file).body)
	}
	for _, file := range []string{"gitlab_merge_request.json", "bitbucket_pull_request.json", "azure_pull_request.json", "bitbucket_server_pull_request.json"} {
		f.Add("azure", "pr:opened", sample(f, GitHub, "", file).body)
	}
	f.Fuzz(func(t *testing.T, provider, event string, body []byte) {
		speech, ok := dialects()[Provider(provider)]
		if !ok {
			return
		}
		one := genuine(Provider(provider), event, body)
		if !speech.genuine(one.header, body, secret) {
			t.Fatal("a genuine delivery is refused")
		}
		e, err := speech.understand(one.header, body)
		if err != nil {
			return
		}
		v := Hook{Provider: Provider(provider), Tags: "*", Previews: true}.Judge(e)
		if v.Reason == "" && v.Order.Pull == nil && !commitID.MatchString(v.Order.Commit) {
			t.Errorf("ordered commit %q", v.Order.Commit)
		}
	})
}
