package gitd_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestFirstPushCreatesTheServiceAndDeploysIt(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	out := h.git(dir, "push", "csph", "main")
	for _, want := range []string{"remote: service web created", "remote: story of dep_1 begins", "remote: story of dep_1 ends", "main -> main"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	head := h.git(dir, "rev-parse", "HEAD")
	if got := h.ref("svc_web", "refs/heads/main"); got != head {
		t.Errorf("main is at %q, not at %s", got, head)
	}
	request, d := h.deployer.last()
	if d.Source.Revision != head || d.Source.Branch != "main" || d.Source.Subject != "change index.html" || d.Source.Kind != platform.FromGit {
		t.Errorf("deployed source is %+v", d.Source)
	}
	if request.Trigger != (platform.Trigger{Kind: "push", Actor: "laptop", Address: "127.0.0.1"}) || request.Service != "svc_web" {
		t.Errorf("request is %+v", request)
	}
	content, err := os.ReadFile(filepath.Join(h.dir, "sources", "svc_web", "tree", "index.html"))
	if err != nil || string(content) != "hello\n" {
		t.Errorf("checked out %q, %v", content, err)
	}
	h.sound("svc_web")
}

func TestSecondPushDeploysThinPackAndTouchesOnlyWhatChanged(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.commit(dir, "big.txt", strings.Repeat("a line that stays\n", 5000))
	h.git(dir, "push", "csph", "main")
	tree := filepath.Join(h.dir, "sources", "svc_web", "tree")
	before := mtime(t, filepath.Join(tree, "big.txt"))
	edited := mtime(t, filepath.Join(tree, "index.html"))

	h.commit(dir, "index.html", "hello again\n")
	h.git(dir, "push", "csph", "main")
	if after := mtime(t, filepath.Join(tree, "big.txt")); !after.Equal(before) {
		t.Errorf("an unchanged file was touched: %v, then %v", before, after)
	}
	if after := mtime(t, filepath.Join(tree, "index.html")); !after.After(edited) {
		t.Errorf("a changed file is not newer: %v, then %v", edited, after)
	}

	// One line of a long file: the client sends a delta against an object that only the server has.
	h.commit(dir, "big.txt", strings.Repeat("a line that stays\n", 5000)+"and one more\n")
	h.git(dir, "rm", "-q", "index.html")
	h.git(dir, "commit", "-q", "-m", "remove")
	h.git(dir, "push", "csph", "main")
	if _, err := os.Stat(filepath.Join(tree, "index.html")); !os.IsNotExist(err) {
		t.Errorf("a removed file is still there: %v", err)
	}
	h.sound("svc_web")
}

func mtime(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func TestCheckoutLeavesNoGitFolderAndFollowsFilesThatBecomeFolders(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.commit(dir, "thing", "file")
	h.git(dir, "push", "csph", "main")
	h.git(dir, "rm", "-q", "thing")
	h.commit(dir, "thing/inside", "folder")
	if err := os.Symlink("thing/inside", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	h.git(dir, "add", "link")
	h.git(dir, "commit", "-q", "-m", "link")
	h.git(dir, "push", "csph", "main")
	tree := filepath.Join(h.dir, "sources", "svc_web", "tree")
	if content, err := os.ReadFile(filepath.Join(tree, "link")); err != nil || string(content) != "folder" {
		t.Errorf("link reads %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(tree, ".git")); !os.IsNotExist(err) {
		t.Errorf("a .git in the checkout: %v", err)
	}
	h.git(dir, "rm", "-rq", "thing")
	h.commit(dir, "thing", "file again")
	h.git(dir, "push", "csph", "main")
	if content, err := os.ReadFile(filepath.Join(tree, "thing")); err != nil || string(content) != "file again" {
		t.Errorf("thing reads %q, %v", content, err)
	}
}

func TestPushOptionsSetVariablesOrLeaveOutTheCacheOrTheDeployment(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "-o", "env=GREETING=hi=there", "-o", "env=EMPTY=", "csph", "main")
	request, _ := h.deployer.last()
	config := platform.Config{Env: map[string]string{"KEPT": "1", "GREETING": "old"}}
	if err := request.Change(&config); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"KEPT": "1", "GREETING": "hi=there", "EMPTY": ""}
	if !maps.Equal(config.Env, want) || request.NoCache {
		t.Errorf("variables are %v; the cache is left out: %v", config.Env, request.NoCache)
	}
	h.commit(dir, "index.html", "second\n")
	h.git(dir, "push", "-o", "no-deploy", "csph", "main")
	if h.deployer.count() != 1 || h.ref("svc_web", "refs/heads/main") != h.git(dir, "rev-parse", "HEAD") {
		t.Error("no-deploy deployed, or did not store")
	}
	h.commit(dir, "index.html", "third\n")
	h.git(dir, "push", "-o", "no-cache", "csph", "main")
	if request, _ := h.deployer.last(); !request.NoCache {
		t.Error("no-cache was not asked for")
	}
	h.commit(dir, "index.html", "fourth\n")
	h.fail(`unknown push option "speed=high"; known are`, dir, "push", "-o", "speed=high", "csph", "main")
}

func TestPushOfNothingNewSaysSo(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	if out := h.git(dir, "push", "csph", "main"); !strings.Contains(out, "Everything up-to-date") {
		t.Errorf("said:\n%s", out)
	}
	// A branch at a commit that is there already: an empty pack.
	h.git(dir, "push", "csph", "main:refs/heads/same")
	if h.ref("svc_web", "refs/heads/same") != h.ref("svc_web", "refs/heads/main") {
		t.Error("the branch without new objects was not set")
	}
	h.git(dir, "push", "--dry-run", "csph", "main:refs/heads/dry")
	if h.ref("svc_web", "refs/heads/dry") != "" {
		t.Error("a dry run set a branch")
	}
}

func TestNoServiceIsMadeByAPushThatDeploysNothing(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "branch", "dev")
	h.fail("there is no service", dir, "push", "csph", "dev")
	h.fail("there is no service", dir, "push", "-o", "no-deploy", "csph", "main")
	h.fail("there is no service", dir, "fetch", "csph")
	if h.services.has("web") {
		t.Error("the service was made")
	}
	denied := h.tree("nope")
	h.fail("you may not create services", denied, "push", "csph", "main")
	h.fail("is not yours", dir, "push", h.url("secret"), "main")
}

func TestServicesAreAddressedByOneToThreeNames(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	for _, path := range []string{"web", "staging/web", "shop/staging/web"} {
		h.git(dir, "push", h.url(path), "main")
		if !h.services.has(path) {
			t.Errorf("%s was not made", path)
		}
		if out := h.git(dir, "push", h.url(path+".git"), "main"); !strings.Contains(out, "up-to-date") {
			t.Errorf("%s.git is another repository:\n%s", path, out)
		}
	}
}

func TestSubmodulesAndLFSPointersAreDeployedWithAWarning(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.write(filepath.Join(dir, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	h.write(filepath.Join(dir, "model.bin"), "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 12345\n")
	h.git(dir, "add", "-A")
	h.git(dir, "update-index", "--add", "--cacheinfo", "160000,"+h.git(dir, "rev-parse", "HEAD")+",vendor/lib")
	h.git(dir, "commit", "-q", "-m", "pointers")
	out := h.git(dir, "push", "csph", "main")
	for _, want := range []string{"remote: warning: submodules are not fetched, their folders stay empty: vendor/lib",
		"remote: warning: Git LFS content is not fetched, these are deployed as pointer files: model.bin"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
