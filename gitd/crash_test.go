package gitd_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gliderlabs/ssh"

	"csph/gitd"
	"csph/test/doomed"
)

// serverFolder, when set, makes the test binary a server on that state folder, to be killed.
const serverFolder = "CSPH_TEST_SERVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverFolder); dir != "" {
		if err := serveForTest(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

type anyKey struct{}

func (anyKey) Authenticate(context.Context, ssh.PublicKey) (gitd.Identity, error) {
	return gitd.Identity{Account: "acc_1", Name: "laptop"}, nil
}

// serveForTest says where it listens, and when it builds; the build never ends.
func serveForTest(dir string) error {
	deployer := newDeployer()
	deployer.builds(func(ctx context.Context, _ string) error {
		fmt.Println("building")
		<-ctx.Done()
		return ctx.Err()
	})
	server, err := gitd.New(gitd.Config{Dir: dir, Addr: "127.0.0.1:0"}, anyKey{}, newServices(), deployer, deployer, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return err
	}
	fmt.Println(server.Addr())
	return server.Serve(context.Background())
}

// startDoomed runs a server in a process of its own, which listens at addr.
func startDoomed(t *testing.T, dir string) (server *doomed.Process, addr string) {
	t.Helper()
	server = doomed.Start(t, serverFolder, dir)
	addr, started := server.Hear()
	if !started {
		t.Fatal("the server did not start")
	}
	return server, addr
}

func TestServerKilledDuringABuildLeavesASoundRepository(t *testing.T) {
	dir := t.TempDir()
	h := start(t, func(c *gitd.Config) { c.Dir = dir })
	tree := h.tree("web")
	h.git(tree, "push", "csph", "main")
	before := h.ref("svc_web", "refs/heads/main")
	h.commit(tree, "index.html", "second\n")

	// The one that dies works on a copy: two servers never share a folder.
	copied := filepath.Join(t.TempDir(), "state")
	if out, err := exec.Command("cp", "-a", dir, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server, addr := startDoomed(t, copied)
	push := h.command(tree, "git", "push", "ssh://git@"+addr+"/web", "+main")
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	if said, _ := server.Hear(); said != "building" {
		t.Fatalf("the server said %q", said)
	}
	server.Kill()
	server.End()
	if err := push.Wait(); err == nil {
		t.Error("the push succeeded")
	}
	again := start(t, func(c *gitd.Config) { c.Dir = copied })
	again.sound("svc_web")
	if got := again.ref("svc_web", "refs/heads/main"); got != before {
		t.Errorf("main is at %s, not at %s", got, before)
	}
}

func TestServerKilledInTheMiddleOfAPackLeavesASoundRepository(t *testing.T) {
	dir := t.TempDir()
	h := start(t) // for its client's side
	tree := h.tree("web")
	h.commit(tree, "big", strings.Repeat("text that is long\n", 100_000))
	commit := h.git(tree, "rev-parse", "HEAD")
	pack := h.packOf(tree, commit)

	server, addr := startDoomed(t, dir)
	session, err := h.dialTo(addr).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("git-receive-pack 'web'"); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("0", 40) + " " + commit + " refs/heads/main\x00report-status"
	if _, err := fmt.Fprintf(in, "%04x%s0000%s", len(line)+4, line, pack[:len(pack)/2]); err != nil {
		t.Fatal(err)
	}
	incoming := filepath.Join(dir, "repos", ".quarantine", "push-*", "objects", "pack", "tmp_pack_*")
	eventually(t, "the pack arrives", func() bool { found, _ := filepath.Glob(incoming); return len(found) > 0 })
	server.Kill()
	server.End()
	_ = session.Wait() // cut off

	again := start(t, func(c *gitd.Config) { c.Dir = dir })
	left, err := filepath.Glob(filepath.Join(dir, "repos", ".quarantine", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in quarantine: %v %v", left, err)
	}
	second := again.tree("web")
	again.git(second, "push", "csph", "main")
	again.sound("svc_web")
}

func TestPushOfAHundredThousandFilesIsDeployed(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	input := &strings.Builder{}
	input.WriteString("commit refs/heads/many\ncommitter A <a@b> 1 +0000\ndata 4\nmany\n")
	for i := range 100_000 {
		fmt.Fprintf(input, "M 100644 inline d%d/e%d/f%d\ndata <<E\n%d\nE\n", i%50, i%37, i, i)
	}
	imported := h.command(dir, "git", "fast-import", "--quiet")
	imported.Stdin = strings.NewReader(input.String())
	if out, err := imported.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.git(dir, "push", "csph", "many:main")
	content, err := os.ReadFile(filepath.Join(h.dir, "sources", "svc_web", "tree", "d49", "e25", "f99999"))
	if err != nil || string(content) != "99999\n" {
		t.Errorf("the last file reads %q, %v", content, err)
	}
}
