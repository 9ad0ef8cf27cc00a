package gitd_test

import (
	"context"
	"csph/gitd"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
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

func TestPushOptionsSetVariablesOrHoldTheDeploymentBack(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "-o", "env=GREETING=hi=there", "-o", "env=EMPTY=", "csph", "main")
	request, _ := h.deployer.last()
	config := platform.Config{Env: map[string]string{"KEPT": "1", "GREETING": "old"}}
	if err := request.Change(&config); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"KEPT": "1", "GREETING": "hi=there", "EMPTY": ""}
	if !maps.Equal(config.Env, want) {
		t.Errorf("variables are %v", config.Env)
	}
	h.commit(dir, "index.html", "second\n")
	h.git(dir, "push", "-o", "no-deploy", "csph", "main")
	if h.deployer.count() != 1 || h.ref("svc_web", "refs/heads/main") != h.git(dir, "rev-parse", "HEAD") {
		t.Error("no-deploy deployed, or did not store")
	}
	h.commit(dir, "index.html", "third\n")
	h.fail(`unknown push option "speed=high"; known are`, dir, "push", "-o", "speed=high", "csph", "main")
}

func TestFailedBuildRejectsTheReference(t *testing.T) {
	h := start(t)
	h.deployer.builds(func(context.Context, string) error { return errors.New("step 3 ended with exit status 2") })
	dir := h.tree("web")
	h.fail("! [remote rejected] main -> main (build failed: step 3 ended with exit status 2)", dir, "push", "csph", "main")
	if got := h.ref("svc_web", "refs/heads/main"); got != "" {
		t.Errorf("main is at %s", got)
	}
	if packs, _ := filepath.Glob(filepath.Join(h.bare("svc_web"), "objects", "pack", "*")); len(packs) > 0 {
		t.Errorf("objects of a refused push were kept: %v", packs)
	}
	h.sound("svc_web")
	h.deployer.builds(func(context.Context, string) error { return nil })
	h.git(dir, "push", "csph", "main")
}

func TestFailedRolloutKeepsTheReferenceAndFailsThePush(t *testing.T) {
	h := start(t)
	h.deployer.rollsOut(platform.Deployment{Status: platform.Failed, Reason: platform.HealthCheckFailed, Message: "never healthy"})
	dir := h.tree("web")
	out := h.fail("main -> main", dir, "push", "csph", "main")
	if strings.Contains(out, "rejected") {
		t.Errorf("the reference was rejected:\n%s", out)
	}
	if got, want := h.ref("svc_web", "refs/heads/main"), h.git(dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("main is at %q", got)
	}
}

func TestSupersededPushIsRejectedAndTheNewerOneDeploys(t *testing.T) {
	h := start(t)
	overtaken := make(chan struct{})
	var builds atomic.Int32
	h.deployer.builds(func(ctx context.Context, _ string) error {
		if builds.Add(1) > 1 {
			close(overtaken) // as deploy does: the newer one ends the older
			return nil
		}
		select {
		case <-overtaken:
			return errOvertaken
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	dir := h.tree("web")
	older := make(chan string)
	first := h.git(dir, "rev-parse", "HEAD")
	push := h.command(dir, "git", "push", "csph", first+":refs/heads/main")
	go func() {
		out, err := push.CombinedOutput()
		if err == nil {
			t.Error("the older push succeeded")
		}
		older <- string(out)
	}()
	eventually(t, "the older push builds", func() bool { return h.deployer.count() == 1 })
	second := h.commit(dir, "index.html", "newer\n")
	h.git(dir, "push", "csph", "main")
	if out := <-older; !strings.Contains(out, "superseded by a newer push") {
		t.Errorf("the older push ended with:\n%s", out)
	}
	if got := h.ref("svc_web", "refs/heads/main"); got != second {
		t.Errorf("main is at %s, not at %s", got, second)
	}
	h.sound("svc_web")
}

func TestKillingTheClientDuringTheBuildCancelsIt(t *testing.T) {
	h := start(t)
	building := make(chan struct{})
	canceled := make(chan time.Time, 1)
	h.deployer.builds(func(ctx context.Context, _ string) error {
		close(building)
		<-ctx.Done()
		canceled <- time.Now()
		return ctx.Err()
	})
	push := h.command(h.tree("web"), "git", "push", "csph", "main")
	push.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	<-building
	killed := time.Now()
	if err := syscall.Kill(-push.Process.Pid, syscall.SIGINT); err != nil { // as ctrl-C does
		t.Fatal(err)
	}
	if err := push.Wait(); err == nil {
		t.Error("the interrupted push succeeded")
	}
	select {
	case at := <-canceled:
		if took := at.Sub(killed); took > 2*time.Second {
			t.Errorf("the build was cancelled after %s", took)
		}
	case <-time.After(patience):
		t.Fatal("the build was not cancelled")
	}
	eventually(t, "the deployment ends", func() bool { _, d := h.deployer.last(); return d.Status == platform.Canceled })
	eventually(t, "the quarantine is gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(h.dir, "repos", ".quarantine", "*"))
		return len(left) == 0
	})
	if h.ref("svc_web", "refs/heads/main") != "" {
		t.Error("main was set")
	}
}

func TestKillingTheClientAfterTheBuildChangesNothing(t *testing.T) {
	h := start(t)
	settle := make(chan struct{})
	h.deployer.settlesWith(settle)
	dir := h.tree("web")
	push := h.command(dir, "git", "push", "csph", "main")
	push.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the push is accepted", func() bool { return h.ref("svc_web", "refs/heads/main") != "" })
	if err := syscall.Kill(-push.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = push.Wait() // killed
	close(settle)
	eventually(t, "the rollout ends", func() bool { _, d := h.deployer.last(); return d.Status == platform.Live })
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

func TestQuietBuildSendsSignsOfLife(t *testing.T) {
	h := start(t, func(c *gitd.Config) { c.Progress = 20 * time.Millisecond })
	trace := filepath.Join(h.client, "trace")
	beats := func() int {
		content, _ := os.ReadFile(trace)
		return strings.Count(string(content), "sideband<") + strings.Count(string(content), "push< \\1\n")
	}
	h.deployer.builds(func(ctx context.Context, _ string) error {
		for beats() < 3 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return ctx.Err()
	})
	push := h.command(h.tree("web"), "git", "push", "csph", "main")
	push.Env = append(push.Env, "GIT_TRACE_PACKET="+trace)
	if out, err := push.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
