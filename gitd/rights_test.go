package gitd_test

import (
	"context"
	"fmt"
	"testing"

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
