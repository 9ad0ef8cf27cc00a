package gitd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestForcePushReplacesTheBranch(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	h.git(dir, "commit", "-q", "--amend", "-m", "another history")
	h.fail("non-fast-forward", dir, "push", "csph", "main")
	h.git(dir, "push", "--force", "csph", "main")
	if got, want := h.ref("svc_web", "refs/heads/main"), h.git(dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("main is at %s, not at %s", got, want)
	}
	h.sound("svc_web")
}

func TestForceWithAStaleLeaseIsRefusedWhenTheBranchMovedDuringThePush(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	first := h.git(dir, "rev-parse", "HEAD")
	h.deployer.builds(func(context.Context, string) error { // the branch moves while this one builds
		h.git(h.dir, "--git-dir", h.bare("svc_web"), "update-ref", "refs/heads/main", h.ref("svc_web", "refs/tags/other"))
		return nil
	})
	h.git(dir, "tag", "other", h.git(dir, "commit-tree", "-m", "other", "HEAD^{tree}"))
	h.git(dir, "push", "csph", "other")
	h.commit(dir, "index.html", "second\n")
	h.fail("the reference changed meanwhile", dir, "push", "csph", "main")
	if got, want := h.ref("svc_web", "refs/heads/main"), h.ref("svc_web", "refs/tags/other"); got != want || got == first {
		t.Errorf("main is at %s, not at %s", got, want)
	}
	h.sound("svc_web")
}

func TestOtherBranchesAndTagsAreStoredAndNotDeployed(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	h.git(dir, "tag", "-a", "v1", "-m", "one")
	h.git(dir, "branch", "dev")
	out := h.git(dir, "push", "csph", "dev", "v1")
	for _, want := range []string{"remote: dev is only stored: what is deployed is main", "remote: v1 is only stored"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if n := h.deployer.count(); n != 1 {
		t.Errorf("%d deployments", n)
	}
	if h.ref("svc_web", "refs/heads/dev") == "" || h.ref("svc_web", "refs/tags/v1") == "" {
		t.Error("dev or v1 was not stored")
	}
	h.git(dir, "push", "csph", "--delete", "dev", "v1")
	if h.ref("svc_web", "refs/heads/dev") != "" || h.ref("svc_web", "refs/tags/v1") != "" {
		t.Error("dev or v1 was not deleted")
	}
	if out := h.git(dir, "push", "csph", ":refs/heads/never"); !strings.Contains(out, "refs/heads/never is not there") {
		t.Errorf("deleting what is not there said:\n%s", out)
	}
}

func TestDeletingTheDeployedBranchIsRefused(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	h.fail("this branch is what is deployed", dir, "push", "csph", ":main")
	if h.ref("svc_web", "refs/heads/main") == "" {
		t.Error("main is gone")
	}
}

func TestMasterIsDeployedWhereThereIsNoMain(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "branch", "-m", "main", "master")
	h.git(dir, "push", "csph", "master")
	if _, d := h.deployer.last(); d.Source.Branch != "master" {
		t.Errorf("deployed %+v", d.Source)
	}
	if head := h.git(h.dir, "--git-dir", h.bare("svc_web"), "symbolic-ref", "HEAD"); head != "refs/heads/master" {
		t.Errorf("HEAD is %s", head)
	}
	h.git(dir, "branch", "main")
	h.git(dir, "push", "csph", "main")
	if _, d := h.deployer.last(); d.Source.Branch != "main" || h.deployer.count() != 2 {
		t.Errorf("deployed %+v", d.Source)
	}
	h.git(dir, "clone", "-q", h.url("web"), "copy")
	if branch := h.git(filepath.Join(dir, "copy"), "branch", "--show-current"); branch != "main" {
		t.Errorf("a clone is on %s", branch)
	}
}

func TestAtomicPushIsAllOrNothing(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	first := h.ref("svc_web", "refs/heads/main")
	h.commit(dir, "index.html", "second\n")
	h.git(dir, "branch", "dev")
	h.deployer.builds(func(context.Context, string) error { return errors.New("exit status 2") })
	h.fail("build failed: exit status 2", dir, "push", "--atomic", "csph", "main", "dev")
	if h.ref("svc_web", "refs/heads/dev") != "" || h.ref("svc_web", "refs/heads/main") != first {
		t.Error("a refused atomic push changed something")
	}
	out := h.fail("build failed: exit status 2", dir, "push", "csph", "main", "dev")
	if h.ref("svc_web", "refs/heads/dev") == "" || h.ref("svc_web", "refs/heads/main") != first {
		t.Errorf("without --atomic, dev is to be stored:\n%s", out)
	}
	h.deployer.builds(func(context.Context, string) error { return nil })
	h.git(dir, "branch", "dev2")
	h.git(dir, "push", "--atomic", "csph", "main", "dev2")
	if h.ref("svc_web", "refs/heads/dev2") == "" || h.ref("svc_web", "refs/heads/main") == first {
		t.Error("an atomic push did not change everything")
	}
	h.sound("svc_web")
}

func TestShallowCloneCanPush(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.commit(dir, "index.html", "second\n")
	h.commit(dir, "index.html", "third\n")
	h.git(h.client, "clone", "-q", "--depth", "1", "file://"+dir, "shallow")
	shallow := filepath.Join(h.client, "shallow")
	h.git(shallow, "push", h.url("web"), "main")
	h.sound("svc_web")
	h.commit(shallow, "index.html", "fourth, from the shallow clone\n")
	h.git(shallow, "push", h.url("web"), "main")
	h.sound("svc_web")
	if got, want := h.ref("svc_web", "refs/heads/main"), h.git(shallow, "rev-parse", "HEAD"); got != want {
		t.Errorf("main is at %q, not at %s", got, want)
	}
	// The one with all the history goes on from there, and a clone of the result works.
	h.git(dir, "pull", "-q", "--ff-only", shallow, "main")
	h.commit(dir, "index.html", "fifth, from the full one\n")
	h.git(dir, "push", "csph", "main")
	h.git(h.client, "clone", "-q", h.url("web"), "copy")
	h.sound("svc_web")
}

func TestShallowCloneOfWhatTheServerHasLeavesItWhole(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.commit(dir, "index.html", "second\n")
	h.git(dir, "push", "csph", "main")
	h.git(h.client, "clone", "-q", "--depth", "1", h.url("web"), "shallow")
	shallow := filepath.Join(h.client, "shallow")
	h.commit(shallow, "index.html", "third\n")
	h.git(shallow, "push", "origin", "main")
	if _, err := os.Stat(filepath.Join(h.bare("svc_web"), "shallow")); !os.IsNotExist(err) {
		t.Errorf("the server's repository became shallow: %v", err)
	}
	if n := h.git(h.dir, "--git-dir", h.bare("svc_web"), "rev-list", "--count", "main"); n != "3" {
		t.Errorf("%s commits", n)
	}
	h.sound("svc_web")
}

func TestManyAndLongReferencesArePushed(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	long := strings.Repeat("a", 200) + "/" + strings.Repeat("b", 200)
	h.git(dir, "push", "csph", "main:refs/heads/"+long)
	if h.ref("svc_web", "refs/heads/"+long) == "" {
		t.Error("a long name was not stored")
	}
	h.fail("too long", dir, "push", "csph", "main:refs/heads/"+strings.Repeat("c/", 600)+"d")
	var refs []string
	for i := range 300 {
		refs = append(refs, fmt.Sprintf("main:refs/tags/t%d", i))
	}
	h.git(dir, append([]string{"push", "csph"}, refs...)...)
	if n := len(strings.Fields(h.git(h.dir, "--git-dir", h.bare("svc_web"), "tag"))); n != 300 {
		t.Errorf("%d tags", n)
	}
	// A name that is a folder already cannot be a branch; the others of the push can.
	h.git(dir, "push", "csph", "main:refs/heads/topic/one")
	h.fail("the reference cannot be set", dir, "push", "csph", "main:refs/heads/topic", "main:refs/heads/fine")
	if h.ref("svc_web", "refs/heads/fine") == "" {
		t.Error("the good branch was not stored")
	}
}
