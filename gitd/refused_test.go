package gitd_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"csph/gitd"
)

// ssh runs the real client; exit is what its process ended with.
func (h *host) ssh(key string, arguments ...string) (out string, exit int) {
	h.t.Helper()
	words := append(strings.Fields(h.sshCommand(key)), "-p", h.port())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], arguments...)...)
	said, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		h.t.Fatal(err)
	}
	return string(said), cmd.ProcessState.ExitCode()
}

func TestEveryOtherCommandIsRefusedWithASentence(t *testing.T) {
	h := start(t)
	h.git(h.tree("web"), "push", "csph", "main")
	const at = "git@127.0.0.1"
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"shell":                  {[]string{at}, "no shell is offered here"},
		"shell on a terminal":    {[]string{"-tt", at}, "PTY allocation request failed"},
		"program":                {[]string{at, "ls -l /"}, "ls is refused"},
		"program by path":        {[]string{at, "/bin/sh -c id"}, "this command is refused"},
		"scp":                    {[]string{at, "scp -t /tmp"}, "scp is refused"},
		"rsync":                  {[]string{at, "rsync --server . /"}, "rsync is refused"},
		"sftp":                   {[]string{"-s", at, "sftp"}, "the subsystem sftp is not offered"},
		"archive":                {[]string{at, "git-upload-archive 'web'"}, "git-upload-archive is refused"},
		"git shell":              {[]string{at, "git-shell"}, "git-shell is refused"},
		"lfs-authenticate":       {[]string{at, "git-lfs-authenticate web upload"}, "Git LFS is not offered here"},
		"lfs-transfer":           {[]string{at, "git-lfs-transfer web upload"}, "GIT_LFS_SKIP_PUSH=1"},
		"two commands":           {[]string{at, "git-upload-pack 'web'; id"}, "malformed"},
		"two arguments":          {[]string{at, "git-upload-pack 'web' 'web'"}, "malformed"},
		"option":                 {[]string{at, "git-upload-pack --help"}, "does not name a service"},
		"substitution":           {[]string{at, "git-upload-pack $(id)"}, "malformed"},
		"path that climbs":       {[]string{at, "git-upload-pack '/../svc_web'"}, "does not name a service"},
		"path of four":           {[]string{at, "git-upload-pack '/a/b/c/d'"}, "does not name a service"},
		"prefix of a name":       {[]string{at, "git-upload-pack 'we'"}, "there is no service"},
		"no argument":            {[]string{at, "git-receive-pack"}, "git-receive-pack is refused"},
		"somebody else's":        {[]string{at, "git-receive-pack 'secret'"}, "is not yours"},
		"other case of the verb": {[]string{at, "Git-Receive-Pack 'web'"}, "is refused"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			out, exit := h.ssh("key", c.arguments...)
			if exit == 0 || !strings.Contains(out, c.want) {
				t.Errorf("exit %d, no %q in:\n%s", exit, c.want, out)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestRealScpAndSftpClientsAreRefused(t *testing.T) {
	h := start(t)
	options := strings.Fields(h.sshCommand("key"))[1:]
	for _, program := range [][]string{{"scp", "-O"}, {"scp", "-s"}, {"sftp"}} {
		arguments := append(append(program[1:], options...), "-P", h.port(), "git@127.0.0.1:/etc/passwd", h.client)
		out, err := h.try(h.client, program[0], arguments...)
		if err == nil || !strings.Contains(out, "csph: ") {
			t.Errorf("%v: %v\n%s", program, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(h.client, "passwd")); err == nil {
		t.Error("a file was copied")
	}
}

func TestStrangersAndPasswordsAreRefused(t *testing.T) {
	h := start(t)
	h.makeKey("stranger")
	if out, exit := h.ssh("stranger", "git@127.0.0.1", "git-upload-pack 'web'"); exit != 255 || !strings.Contains(out, "Permission denied (publickey)") {
		t.Errorf("a stranger got exit %d:\n%s", exit, out)
	}
	if out, exit := h.ssh("key", "-o", "PubkeyAuthentication=no", "git@127.0.0.1", "git-upload-pack 'web'"); exit != 255 || !strings.Contains(out, "Permission denied (publickey)") {
		t.Errorf("without a key: exit %d:\n%s", exit, out)
	}
}

func TestAClientWhoseKeyIsNotKnownIsToldWhatToDo(t *testing.T) {
	h := start(t)
	h.makeKey("other")
	talk := func(keys ...string) string {
		words := []string{"-o", "LogLevel=INFO"}
		for _, key := range keys {
			words = append(words, "-i", filepath.Join(h.client, key))
		}
		cmd := strings.Replace(h.sshCommand("none"), "-o LogLevel=ERROR", strings.Join(words, " "), 1)
		push := h.command(h.client, "git", "ls-remote", h.url("web"))
		push.Env = append(push.Env, "GIT_SSH_COMMAND="+cmd)
		out, _ := push.CombinedOutput()
		return string(out)
	}
	if out := talk("other"); strings.Count(out, "is not known here; csph keys add") != 1 || !strings.Contains(out, "Permission denied") {
		t.Errorf("a stranger read:\n%s", out)
	}
	if out := talk("other", "key"); strings.Count(out, "is not known here") != 1 || strings.Contains(out, "Permission denied") {
		t.Errorf("one with a second key read:\n%s", out)
	}
	if out := talk("other", "key"); strings.Contains(out, "is not known here") {
		t.Errorf("one whose second key was known before read:\n%s", out)
	}
	h.makeKey("third")
	if out := talk("third"); !strings.Contains(out, "is not known here") {
		t.Errorf("another stranger, from where somebody has logged in, read:\n%s", out)
	}
}

// dial logs in with Go's own client, for what ssh(1) does not let one do.
func (h *host) dial() *gossh.Client {
	h.t.Helper()
	return h.dialTo(h.server.Addr().String())
}

func (h *host) dialTo(addr string) *gossh.Client {
	h.t.Helper()
	key, err := os.ReadFile(filepath.Join(h.client, "key"))
	if err != nil {
		h.t.Fatal(err)
	}
	signer, err := gossh.ParsePrivateKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	client, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{
		User: "git", Auth: []gossh.AuthMethod{gossh.PublicKeys(signer)},
		HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { client.Close() })
	return client
}

func TestForwardingTerminalsAgentsAndVariablesAreRefused(t *testing.T) {
	h := start(t)
	client := h.dial()
	if _, err := client.Dial("tcp", h.server.Addr().String()); err == nil || !strings.Contains(err.Error(), "forwarding is not offered here") {
		t.Errorf("local forwarding: %v", err)
	}
	if _, err := client.Dial("unix", "/var/run/docker.sock"); err == nil {
		t.Error("forwarding to a socket was allowed")
	}
	for _, kind := range []string{"tcpip-forward", "streamlocal-forward@openssh.com", "no-such-request"} {
		if ok, _, err := client.SendRequest(kind, true, nil); ok || err != nil {
			t.Errorf("%s: %v %v", kind, ok, err)
		}
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, kind := range []string{"pty-req", "auth-agent-req@openssh.com", "x11-req", "window-change"} {
		if ok, err := session.SendRequest(kind, true, nil); ok || err != nil {
			t.Errorf("%s: %v %v", kind, ok, err)
		}
	}
	for name, value := range map[string]string{"LD_PRELOAD": "/tmp/x.so", "GIT_TRACE": "1", "GIT_DIR": "/", "GIT_PROTOCOL": "version=2:x=$(id)"} {
		if err := session.Setenv(name, value); err == nil {
			t.Errorf("%s=%s was taken", name, value)
		}
	}
	if err := session.Setenv("GIT_PROTOCOL", "version=2"); err != nil {
		t.Errorf("GIT_PROTOCOL: %v", err)
	}
}

func TestFetchSpeaksVersionTwo(t *testing.T) {
	h := start(t)
	dir := h.tree("web")
	h.git(dir, "push", "csph", "main")
	fetch := h.command(dir, "git", "-c", "protocol.version=2", "ls-remote", "csph")
	fetch.Env = append(fetch.Env, "GIT_TRACE_PACKET=1")
	out, err := fetch.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("< version 2")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestConnectionsThatDoNotLogInAreClosed(t *testing.T) {
	h := start(t, func(c *gitd.Config) { c.Handshake = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", h.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	if _, err := all.ReadFrom(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stayed open: %v", err)
	}
}

func TestConnectionsWithoutASessionAreClosed(t *testing.T) {
	h := start(t, func(c *gitd.Config) { c.Idle = 200 * time.Millisecond })
	client := h.dial()
	closed := make(chan error, 1)
	go func() { closed <- client.Wait() }()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("the connection stayed open")
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	h := start(t, func(c *gitd.Config) { c.PerAddress = 2 })
	first, second := h.dial(), h.dial()
	third, err := net.Dial("tcp", h.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if err := third.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var greeting bytes.Buffer
	if _, err := greeting.ReadFrom(third); errors.Is(err, os.ErrDeadlineExceeded) || greeting.Len() > 0 {
		t.Errorf("a third connection was let in: %q, %v", greeting.String(), err)
	}
	second.Close()
	eventually(t, "there is room again", func() bool {
		conn, err := net.Dial("tcp", h.server.Addr().String())
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		n, _ := conn.Read(make([]byte, 8))
		return n > 0
	})
	if _, _, err := first.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Errorf("the first connection was cut: %v", err)
	}
}

func TestClientThatStopsAnsweringIsCutOff(t *testing.T) {
	h := start(t, func(c *gitd.Config) { c.KeepAlive = 30 * time.Millisecond })
	canceled := make(chan struct{})
	h.deployer.builds(func(ctx context.Context, _ string) error {
		<-ctx.Done()
		close(canceled)
		return ctx.Err()
	})
	// A proxy that swallows everything once the build has begun: the network is gone, and says nothing.
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	go swallowing(proxy, h.server.Addr().String(), func() bool { return h.deployer.count() > 0 })
	_, port, _ := net.SplitHostPort(proxy.Addr().String())
	push := h.command(h.tree("web"), "git", "push", "ssh://git@127.0.0.1:"+port+"/web", "main")
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-canceled:
	case <-time.After(patience):
		t.Error("the build was not cancelled")
	}
	_ = push.Process.Kill() // it waits for ever
	_ = push.Wait()
}

func swallowing(l net.Listener, to string, swallow func() bool) {
	client, err := l.Accept()
	if err != nil {
		return
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	pass := func(from, to net.Conn) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if !swallow() {
				_, _ = to.Write(buffer[:n])
			}
		}
	}
	go pass(client, server)
	pass(server, client)
	client.Close()
}

func TestHostKeyIsMadeOnceAndPrivate(t *testing.T) {
	h := start(t)
	path := filepath.Join(h.dir, "ssh", "host_ed25519")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("host key: %v %v", info.Mode(), err)
	}
	before, _ := os.ReadFile(path)
	if _, err := gitd.New(gitd.Config{Dir: h.dir}, nil, nil, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the host key changed")
	}
}

func TestShutdownCancelsBuildsAndWaits(t *testing.T) {
	h := start(t)
	building := make(chan struct{})
	h.deployer.builds(func(ctx context.Context, _ string) error {
		close(building)
		<-ctx.Done()
		return ctx.Err()
	})
	push := h.command(h.tree("web"), "git", "push", "csph", "main")
	var out bytes.Buffer
	push.Stdout, push.Stderr = &out, &out
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	<-building
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := push.Wait(); err == nil || !strings.Contains(out.String(), "canceled") {
		t.Errorf("the push ended with %v:\n%s", err, out.String())
	}
	if _, err := net.Dial("tcp", h.server.Addr().String()); err == nil {
		t.Error("the server still listens")
	}
}
