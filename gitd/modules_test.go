package gitd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// second makes another repository of the hub with one file, and returns its first commit.
func (h *hub) second(name, file, text string) string {
	h.t.Helper()
	work := h.t.TempDir()
	h.git(h.root, "init", "-q", "--bare", "-b", "main", name)
	h.git(filepath.Join(h.root, name), "config", "uploadpack.allowReachableSHA1InWant", "true")
	h.git(work, "init", "-q", "-b", "main")
	if err := os.WriteFile(filepath.Join(work, file), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.git(work, "add", "-A")
	h.git(work, "commit", "-q", "-m", "first")
	h.git(work, "push", "-q", filepath.Join(h.root, name), "HEAD:refs/heads/main")
	return h.git(work, "rev-parse", "HEAD")
}

// embed makes commit a submodule at a path of the hub's work tree.
func (h *hub) embed(at, url, commit string) string {
	h.t.Helper()
	h.git(h.work, "config", "-f", ".gitmodules", "submodule."+at+".path", at)
	h.git(h.work, "config", "-f", ".gitmodules", "submodule."+at+".url", url)
	h.git(h.work, "update-index", "--add", "--cacheinfo", "160000,"+commit+","+at)
	h.git(h.work, "add", ".gitmodules")
	h.git(h.work, "commit", "-q", "-m", "embed "+at)
	h.git(h.work, "push", "-q", "--force", "hub", "HEAD:refs/heads/main")
	return h.git(h.work, "rev-parse", "HEAD")
}

func TestSubmodulesAreFetchedAndGoAgain(t *testing.T) {
	hub := startHub(t)
	lib := hub.second("lib.git", "lib.txt", "the library")
	hub.commit("index.html", "one")
	hub.embed("vendor/lib", "../lib.git", lib)
	h := start(t, hub.reaching)
	dir, err := h.checkout(hub.repository(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "vendor/lib/lib.txt"); got != "the library" {
		t.Errorf("it says %q", got)
	}
	before, err := os.Stat(filepath.Join(dir, "vendor", "lib", "lib.txt"))
	if err != nil {
		t.Fatal(err)
	}
	hub.git(hub.work, "checkout", "-q", "-f", "main")
	hub.git(hub.work, "commit", "-q", "--allow-empty", "-m", "nothing")
	hub.git(hub.work, "push", "-q", "hub", "HEAD:refs/heads/main")
	if _, err := h.checkout(hub.repository(), ""); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(dir, "vendor", "lib", "lib.txt")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file that did not change is not the same: %v", err)
	}
	hub.git(hub.work, "rm", "-q", "-r", "--cached", "vendor/lib", ".gitmodules")
	hub.git(hub.work, "commit", "-q", "-m", "without")
	hub.git(hub.work, "push", "-q", "hub", "HEAD:refs/heads/main")
	if _, err := h.checkout(hub.repository(), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "vendor", "lib", "lib.txt")); !os.IsNotExist(err) {
		t.Errorf("the submodule is still there: %v", err)
	}
}

func TestASubmoduleThatCannotBeHadSaysWhichAndWhy(t *testing.T) {
	hub := startHub(t)
	lib := hub.second("lib.git", "lib.txt", "the library")
	hub.commit("index.html", "one")
	h := start(t, hub.reaching)
	for at, c := range map[string]struct{ url, commit, want string }{
		"private": {"https://10.1.2.3/acme/lib.git", lib, "submodule private: the repository https://10.1.2.3/acme/lib.git is not reached: 10.1.2.3 is an address"},
		"local":   {"/etc", lib, "submodule local: the submodule's address"},
		"missing": {"../lib.git", "0123456789012345678901234567890123456789", "submodule missing: "},
		"nowhere": {"../nowhere.git", lib, "submodule nowhere: there is no repository"},
	} {
		hub.git(hub.work, "checkout", "-q", "-f", "-B", at)
		hub.embed(at, c.url, c.commit)
		if _, err := h.checkout(hub.repository(), ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", at, err)
		}
		hub.git(hub.work, "checkout", "-q", "-f", "main")
		hub.git(hub.work, "clean", "-q", "-ffdx")
	}
}

func TestASubmoduleOfASubmoduleIsFetchedAndOneWithoutEndIsNot(t *testing.T) {
	hub := startHub(t)
	self := hub.commit("index.html", "one")
	hub.git(filepath.Join(hub.root, "shop.git"), "config", "uploadpack.allowReachableSHA1InWant", "true")
	for range 5 { // each embeds the commit before
		self = hub.embed("again", "../shop.git", self)
	}
	h := start(t, hub.reaching)
	if _, err := h.checkout(hub.repository(), ""); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("five deep: %v", err)
	}
	hub.git(hub.work, "reset", "-q", "--hard", "HEAD~2")
	hub.git(hub.work, "push", "-q", "--force", "hub", "HEAD:refs/heads/main")
	dir, err := h.checkout(hub.repository(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "again/again/again/index.html"); got != "one" {
		t.Errorf("three deep it says %q", got)
	}
}
