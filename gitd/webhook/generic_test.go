package webhook

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestWhatTheGenericSetupPrintsDelivers runs what is printed, in a repository, as it stands.
func TestWhatTheGenericSetupPrintsDelivers(t *testing.T) {
	if testing.Short() {
		t.Skip("runs git, openssl and curl")
	}
	d := newDesk(t, Hook{Provider: Generic})
	lines := Generic.Setup(d.server.URL+"/hooks/"+d.hook.ID, secret)[1:] // the first is for people
	script := "git init -q -b main . && git commit -q --allow-empty -m first\n" + strings.Join(lines, "\n")
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@localhost")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"queued"`) {
		t.Fatalf("%v\n%s", err, out)
	}
	if o := <-d.started; o.Ref != "refs/heads/main" || len(o.Commit) != 40 {
		t.Errorf("%+v", o)
	}
}
