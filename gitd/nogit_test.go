package gitd_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"csph/gitd"
)

func withoutGit(c *gitd.Config) { c.NoGit = true }

func TestWithoutGitPushesAreDeployedAndFetched(t *testing.T) {
	h := start(t, withoutGit)
	dir := h.tree("web")
	h.commit(dir, "thing", "file")
	h.commit(dir, "big.txt", strings.Repeat("a line that stays\n", 5000))
	h.git(dir, "tag", "-a", "v1", "-m", "one")
	h.git(dir, "push", "csph", "main", "v1")
	h.sound("svc_web")
	tree := filepath.Join(h.dir, "sources", "svc_web", "tree")
	before := mtime(t, filepath.Join(tree, "big.txt"))

	h.git(dir, "rm", "-q", "thing")
	h.commit(dir, "thing/inside", "folder")
	if err := os.Symlink("thing/inside", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	h.git(dir, "add", "link")
	h.git(dir, "commit", "-q", "-m", "link")
	h.git(dir, "push", "csph", "main")
	if content, err := os.ReadFile(filepath.Join(tree, "link")); err != nil || string(content) != "folder" {
		t.Errorf("link reads %q, %v", content, err)
	}
	if after := mtime(t, filepath.Join(tree, "big.txt")); !after.Equal(before) {
		t.Errorf("an unchanged file was touched: %v, then %v", before, after)
	}
	h.sound("svc_web")

	h.git(h.client, "clone", "-q", h.url("web"), "copy")
	copied := filepath.Join(h.client, "copy")
	if got, want := h.git(copied, "rev-parse", "HEAD"), h.git(dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("the clone is at %s, not at %s", got, want)
	}
	h.commit(dir, "index.html", "third\n")
	h.git(dir, "push", "csph", "main")
	h.git(copied, "pull", "-q", "--ff-only")
	if got, want := h.git(copied, "rev-parse", "HEAD"), h.git(dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("the clone is at %s after a fetch, not at %s", got, want)
	}
}

func TestWithoutGitReferencesAreComparedForcedDeletedAndAtomic(t *testing.T) {
	h := start(t, withoutGit)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	h.git(dir, "commit", "-q", "--amend", "-m", "another history")
	h.git(dir, "push", "--force", "csph", "main", "main:refs/heads/dev")
	h.git(dir, "push", "csph", ":dev")
	if h.ref("svc_web", "refs/heads/dev") != "" {
		t.Error("dev was not deleted")
	}
	first := h.ref("svc_web", "refs/heads/main")
	h.commit(dir, "index.html", "second\n")
	h.deployer.builds(func(context.Context, string) error { return errors.New("no") })
	h.fail("build failed: no", dir, "push", "--atomic", "csph", "main", "main:refs/heads/dev")
	if h.ref("svc_web", "refs/heads/main") != first || h.ref("svc_web", "refs/heads/dev") != "" {
		t.Error("a refused atomic push changed something")
	}
	h.deployer.builds(func(context.Context, string) error { return nil })
	h.git(h.client, "clone", "-q", "--depth", "1", "file://"+dir, "shallow")
	h.git(filepath.Join(h.client, "shallow"), "push", h.url("other"), "main")
	h.sound("svc_other")
	h.sound("svc_web")
}
