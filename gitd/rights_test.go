package gitd_test

import (
	"fmt"
	"testing"

	"csph/platform"
)

func TestAKeyThatMayOnlyFetchCannotPush(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	why := fmt.Errorf("%w: the role viewer cannot push", platform.ErrForbidden)
	h.noPush.Store(&why)
	h.fail("the role viewer cannot push", dir, "push", "csph", "main:other")
	if got := h.ref("svc_web", "refs/heads/other"); got != "" {
		t.Errorf("the refused branch is at %s", got)
	}
	h.git(dir, "fetch", "csph")
}
