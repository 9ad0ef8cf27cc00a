package gitd_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"csph/gitd"
	"csph/gitd/remote"
	"csph/platform"
)

// hub is another git server: git's own, behind TLS and a token.
type hub struct {
	t      *testing.T
	root   string // of its repositories
	work   string // work tree of shop.git
	server *httptest.Server
	sent   atomic.Int64 // bytes of all answers
}

const hubToken = "a token of the hub"

func startHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, root: t.TempDir(), work: t.TempDir()}
	h.git(h.root, "init", "-q", "--bare", "-b", "main", "shop.git")
	h.git(filepath.Join(h.root, "shop.git"), "config", "http.receivepack", "false")
	h.git(h.work, "init", "-q", "-b", "main")
	h.git(h.work, "remote", "add", "hub", filepath.Join(h.root, "shop.git"))
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + h.root, "GIT_HTTP_EXPORT_ALL=1"},
	}
	h.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != hubToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="hub"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(&counted{w, &h.sent}, r)
	}))
	t.Cleanup(h.server.Close)
	return h
}

// counted counts the bytes of an answer.
type counted struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.sent.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

func (h *hub) git(dir string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@localhost")
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes a file, commits and pushes it to the hub, and returns the commit.
func (h *hub) commit(name, content string) string {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.work, name), []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.git(h.work, "add", "-A")
	h.git(h.work, "commit", "-q", "-m", "write "+name)
	h.git(h.work, "push", "-q", "hub", "HEAD:refs/heads/main")
	return h.git(h.work, "rev-parse", "HEAD")
}

func (h *hub) repository() remote.Repository {
	return remote.Repository{URL: h.server.URL + "/shop.git", Credential: remote.Credential{Token: hubToken}}
}

// reaching lets the server reach this machine, and trust the hub.
func (h *hub) reaching(c *gitd.Config) {
	roots := x509.NewCertPool()
	roots.AddCert(h.server.Certificate())
	c.Remote = remote.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots}
}

// checkout resolves main, fetches it and returns its files' folder.
func (h *host) checkout(from remote.Repository, ref string) (string, error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	commit, err := h.server.Resolve(ctx, from, ref)
	if err != nil {
		return "", err
	}
	return h.server.Clone("svc_1", from, commit).Checkout(ctx)
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestACommitIsFetchedFromElsewhereWithoutItsHistory(t *testing.T) {
	hub := startHub(t)
	for n := range 20 {
		hub.commit("old", strings.Repeat(string(rune('a'+n)), 100_000+n))
	}
	hub.commit("index.html", "one")
	h := start(t, hub.reaching)
	dir, err := h.checkout(hub.repository(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "index.html"); got != "one" {
		t.Errorf("it says %q", got)
	}
	t.Run("and the next one brings the difference", func(t *testing.T) {
		before := hub.sent.Load()
		hub.commit("index.html", "two")
		if dir, err = h.checkout(hub.repository(), "refs/heads/main"); err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir, "index.html"); got != "two" {
			t.Errorf("it says %q", got)
		}
		if sent := hub.sent.Load() - before; sent > 10_000 {
			t.Errorf("%d bytes came for a change of one line", sent)
		}
	})
	t.Run("and one that is there already is not fetched", func(t *testing.T) {
		if _, err := h.checkout(hub.repository(), ""); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("and history that was rewritten is followed", func(t *testing.T) {
		hub.git(hub.work, "checkout", "-q", "--orphan", "anew")
		hub.git(hub.work, "commit", "-q", "-m", "anew", "--allow-empty")
		hub.git(hub.work, "push", "-q", "--force", "hub", "HEAD:refs/heads/main")
		if _, err := h.checkout(hub.repository(), ""); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnOlderCommitThatTheHostDoesNotGiveIsReplacedByThePresentOne(t *testing.T) {
	hub := startHub(t)
	first := hub.commit("index.html", "one")
	hub.commit("index.html", "two")
	h := start(t, hub.reaching)
	source := h.server.Clone("svc_1", hub.repository(), gitd.Commit{Ref: "refs/heads/main", ID: first})
	dir, err := source.Checkout(t.Context())
	if err != nil || content(t, dir, "index.html") != "two" {
		t.Errorf("%v", err)
	}
	if notes := source.(interface{ Notes() []string }).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "that is deployed, not "+first) {
		t.Errorf("the build log is told %q", notes)
	}
	t.Run("and one that it gives is fetched", func(t *testing.T) {
		hub.git(filepath.Join(hub.root, "shop.git"), "config", "uploadpack.allowReachableSHA1InWant", "true")
		dir, err := h.server.Clone("svc_2", hub.repository(), gitd.Commit{Ref: "refs/heads/main", ID: first}).Checkout(t.Context())
		if err != nil || content(t, dir, "index.html") != "one" {
			t.Errorf("%v", err)
		}
	})
}

func TestATagIsFetchedAtItsCommit(t *testing.T) {
	hub := startHub(t)
	commit := hub.commit("index.html", "tagged")
	hub.git(hub.work, "tag", "-a", "v1", "-m", "one")
	hub.git(hub.work, "push", "-q", "hub", "v1")
	h := start(t, hub.reaching)
	found, err := h.server.Resolve(t.Context(), hub.repository(), "refs/tags/v1")
	if err != nil || found.ID != commit {
		t.Errorf("%+v %v, want %s", found, err, commit)
	}
	if _, err := h.checkout(hub.repository(), "refs/tags/v1"); err != nil {
		t.Error(err)
	}
}

// hint is what a user is told to do about err.
func hint(err error) string {
	var f *platform.Failure
	if errors.As(err, &f) {
		return f.Message + " " + f.Hint
	}
	return "not for the user: " + err.Error()
}

func TestARepositoryThatCannotBeReachedIsExplained(t *testing.T) {
	hub := startHub(t)
	hub.commit("index.html", "one")
	h := start(t, hub.reaching)
	cases := map[string]struct {
		from remote.Repository
		ref  string
		want string
	}{
		"no credential":       {remote.Repository{URL: hub.repository().URL}, "", "asks for a credential"},
		"a wrong credential":  {remote.Repository{URL: hub.repository().URL, Credential: remote.Credential{Token: "x"}}, "", "a better one"},
		"no such branch":      {hub.repository(), "refs/heads/nope", "its branches are main"},
		"no such repository":  {remote.Repository{URL: hub.server.URL + "/nope.git", Credential: remote.Credential{Token: hubToken}}, "", "there is no repository"},
		"no such host":        {remote.Repository{URL: "https://nowhere.invalid/a/b"}, "", "there is no host nowhere.invalid"},
		"a private address":   {remote.Repository{URL: "https://10.1.2.3/a/b"}, "", "remote.allow"},
		"the cloud's address": {remote.Repository{URL: "http://169.254.169.254/latest/meta-data"}, "", "remote.allow"},
		"an address inside":   {remote.Repository{URL: "http://[::ffff:10.1.2.3]/a/b"}, "", "remote.allow"},
	}
	for name, c := range cases {
		if _, err := h.checkout(c.from, c.ref); err == nil || !strings.Contains(hint(err), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThisMachineIsNotReachedUnlessAllowed(t *testing.T) {
	hub := startHub(t)
	hub.commit("index.html", "one")
	h := start(t)
	for _, url := range []string{hub.repository().URL, strings.Replace(hub.repository().URL, "127.0.0.1", "localhost", 1)} {
		from := hub.repository()
		from.URL = url
		if _, err := h.checkout(from, ""); err == nil || !strings.Contains(hint(err), "an address of this machine") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if hub.sent.Load() > 0 {
		t.Error("the hub was asked")
	}
}

func TestARedirectToAPrivateAddressIsNotFollowed(t *testing.T) {
	hub := startHub(t)
	hub.commit("index.html", "one")
	var asked atomic.Bool
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	inside.Listener.Close()
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	inside.Listener = listener
	inside.Start()
	defer inside.Close()
	lure := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL+r.URL.String(), http.StatusFound)
	}))
	defer lure.Close()
	h := start(t, func(c *gitd.Config) {
		c.Remote.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} // where the lure is
	})
	if _, err := h.checkout(remote.Repository{URL: lure.URL + "/a/b"}, ""); err == nil {
		t.Error("it was followed")
	}
	if asked.Load() {
		t.Error("the address inside was asked")
	}
}

func TestACommitThatCouldNotBePushedIsNotDeployedEither(t *testing.T) {
	hub := startHub(t)
	hub.commit("index.html", "one")
	if err := os.Symlink("../../../etc/passwd", filepath.Join(hub.work, "link")); err != nil {
		t.Fatal(err)
	}
	hub.commit("other", "x")
	h := start(t, hub.reaching)
	if _, err := h.checkout(hub.repository(), ""); err == nil || !strings.Contains(hint(err), "link") {
		t.Errorf("%v", err)
	}
}

func TestADeployKeyOpensARepositoryOverSSH(t *testing.T) {
	other := start(t) // csph's own server stands for somebody else's
	tree := other.tree("web")
	other.commit(tree, "index.html", "over ssh")
	other.git(tree, "push", "csph", "HEAD:refs/heads/main")
	key, err := os.ReadFile(filepath.Join(other.client, "key"))
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, func(c *gitd.Config) { c.Remote.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	from := remote.Repository{URL: other.url("web"), Credential: remote.Credential{Key: key}}
	dir, err := h.checkout(from, "")
	if err != nil || content(t, dir, "index.html") != "over ssh" {
		t.Fatalf("%v", err)
	}
	t.Run("whose host is known from then on", func(t *testing.T) {
		if text := content(t, filepath.Join(h.dir, "ssh"), "known_hosts"); !strings.Contains(text, "[127.0.0.1]:"+other.port()) {
			t.Errorf("known_hosts: %s", text)
		}
		if _, err := h.checkout(from, ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("and is not trusted with another key", func(t *testing.T) {
		wrong := "[127.0.0.1]:" + other.port() + " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGt4mS2Vt9xj8wcvHsoOGvMdAKZqpmFHGYnhmMcvTqkC\n"
		h.write(filepath.Join(h.dir, "ssh", "known_hosts"), wrong)
		if _, err := h.checkout(from, ""); err == nil || !strings.Contains(hint(err), "used to show") {
			t.Errorf("%v", err)
		}
	})
	t.Run("and a stranger's key does not open it", func(t *testing.T) {
		other.makeKey("stranger")
		stranger, err := os.ReadFile(filepath.Join(other.client, "stranger"))
		if err != nil {
			t.Fatal(err)
		}
		h := start(t, func(c *gitd.Config) { c.Remote.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
		if _, err := h.checkout(remote.Repository{URL: other.url("web"), Credential: remote.Credential{Key: stranger}}, ""); err == nil || !strings.Contains(hint(err), "a better one") {
			t.Errorf("%v", err)
		}
	})
}
