package gitd_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"csph/gitd"
	"csph/platform"
)

func TestAKeyThatMayOnlyFetchCannotPush(t *testing.T) {
	var refused []string
	h := start(t, func(c *gitd.Config) {
		c.Refused = func(_ context.Context, id gitd.Identity, address, path string, why error) {
			refused = append(refused, fmt.Sprintf("%s %s %s %s", id.Name, address, path, why))
		}
	})
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	why := fmt.Errorf("%w: the role viewer cannot push", platform.ErrForbidden)
	h.noPush.Store(&why)
	h.fail("the role viewer cannot push", dir, "push", "csph", "main:other")
	if got := h.ref("svc_web", "refs/heads/other"); got != "" {
		t.Errorf("the refused branch is at %s", got)
	}
	h.git(dir, "fetch", "csph")
	if len(refused) != 1 || refused[0] != "laptop 127.0.0.1 web "+why.Error() {
		t.Errorf("told of as refused: %q", refused)
	}
}

func TestAClientWhoseKeysAreAllUnknownIsToldOfOnceWithItsKeys(t *testing.T) {
	told := make(chan string, 8)
	h := start(t, func(c *gitd.Config) {
		c.Refused = func(_ context.Context, id gitd.Identity, address, path string, why error) {
			told <- fmt.Sprintf("%s|%s|%s|%v", id.Name, address, path, why)
		}
	})
	dir := h.tree("web")
	one, two := h.makeKey("one"), h.makeKey("two")
	push := func(last string) ([]byte, error) {
		cmd := h.command(dir, "git", "push", "csph", "main")
		cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND="+strings.Replace(h.sshCommand(last), "-i ", "-i "+filepath.Join(h.client, "one")+" -i ", 1))
		return cmd.CombinedOutput()
	}
	if out, err := push("key"); err != nil { // a key before it is not known
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := push("two"); err == nil {
		t.Fatalf("a stranger pushed:\n%s", out)
	}
	select {
	case got := <-told:
		want := []string{"|127.0.0.1||", platform.ErrUnauthorized.Error(), fingerprint(t, one), fingerprint(t, two)}
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("told of as %q, without %q", got, text)
			}
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody is told of the stranger")
	}
	if len(told) > 0 {
		t.Errorf("also told of: %q", <-told)
	}
}

func fingerprint(t *testing.T, wire string) string {
	t.Helper()
	key, err := ssh.ParsePublicKey([]byte(wire))
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(key)
}
