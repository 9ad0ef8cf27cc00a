package webhook

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// corpus is GitHub's own collection of example deliveries, by event, fetched with npm once and kept in the cache.
func corpus(t *testing.T) map[string][]json.RawMessage {
	t.Helper()
	if testing.Short() {
		t.Skip("fetches a package with npm")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	dir := filepath.Join(cache, "csph-test", "webhooks-examples-7.6.1")
	index := filepath.Join(dir, "node_modules", "@octokit", "webhooks-examples", "api.github.com", "index.json")
	if _, err := os.Stat(index); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--prefix", dir, "@octokit/webhooks-examples@7.6.1")
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("fetch GitHub's examples: %v\n%s", err, out)
		}
	}
	text, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	events := map[string][]json.RawMessage{}
	for _, e := range all {
		events[e.Name] = e.Examples
	}
	return events
}

func TestGitHubsOwnExamplesAreUnderstood(t *testing.T) {
	speech := github()
	var pushes, pulls, others int
	for event, examples := range corpus(t) {
		for n, body := range examples {
			one := genuine(GitHub, event, body)
			if !speech.genuine(one.header, one.body, secret) {
				t.Errorf("%s %d is taken for forged", event, n)
			}
			e, err := speech.understand(one.header, one.body)
			switch {
			case err != nil:
				t.Errorf("%s %d: %v", event, n, err)
			case event == "push" && (len(e.Changes) != 1 || e.Changes[0].Ref == "" || e.Repository == "" || e.Sender == ""):
				t.Errorf("push %d: %+v", n, e)
			case event == "ping" && !e.Ping:
				t.Errorf("ping %d: %+v", n, e)
			case e.Pull != nil && (e.Pull.Number == 0 || e.Pull.Branch == "" || e.Pull.Commit == ""):
				t.Errorf("pull request %d: %+v", n, e.Pull)
			}
			switch {
			case len(e.Changes) > 0:
				pushes++
			case e.Pull != nil:
				pulls++
			default:
				others++
			}
		}
	}
	if pushes < 5 || pulls < 3 || others < 200 {
		t.Errorf("only %d pushes, %d pull requests and %d others were seen", pushes, pulls, others)
	}
}
