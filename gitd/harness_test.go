package gitd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"csph/deploy"
	"csph/gitd"
	"csph/platform"
)

// patience bounds every wait of the tests.
const patience = 60 * time.Second

// host is a running server with everything around it that a test may look at.
type host struct {
	t        testing.TB
	dir      string // state folder
	client   string // folder of the client: key, work trees
	server   *gitd.Server
	services *fakeServices
	deployer *fakeDeployer
	log      *lockedBuffer
	noPush   atomic.Pointer[error] // why the key may not push; nil: it may
}

type option func(*gitd.Config)

func start(t testing.TB, options ...option) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), client: t.TempDir(), services: newServices(), deployer: newDeployer(), log: &lockedBuffer{}}
	key := h.makeKey("key")
	config := gitd.Config{Dir: h.dir, Addr: "127.0.0.1:0"}
	for _, o := range options {
		o(&config)
	}
	h.dir = config.Dir
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server, err := gitd.New(config, fakeKeys{key: key, noPush: &h.noPush}, h.services, h.deployer, h.deployer, log)
	if err != nil {
		t.Fatal(err)
	}
	h.server = server
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	return h
}

// makeKey makes a key pair for the client and returns the public half in the wire format.
func (h *host) makeKey(name string) string {
	h.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(private, "")
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(filepath.Join(h.client, name), string(pem.EncodeToMemory(block)))
	wire, err := gossh.NewPublicKey(public)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(wire.Marshal())
}

func (h *host) write(path, content string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) port() string {
	_, port, _ := net.SplitHostPort(h.server.Addr().String())
	return port
}

func (h *host) url(path string) string { return "ssh://git@127.0.0.1:" + h.port() + "/" + path }

func (h *host) sshCommand(key string) string {
	return "ssh -F /dev/null -i " + filepath.Join(h.client, key) +
		" -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=" + filepath.Join(h.client, "known_hosts") +
		" -o LogLevel=ERROR -o BatchMode=yes"
}

// command prepares a client's program in dir with nothing of the machine's own configuration.
func (h *host) command(dir, name string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(name, arguments...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.client, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_SSH_COMMAND=" + h.sshCommand("key"), "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	return cmd
}

// try runs a client's program and returns all it said.
func (h *host) try(dir, name string, arguments ...string) (string, error) {
	out, err := h.command(dir, name, arguments...).CombinedOutput()
	return string(out), err
}

// git runs git, which must succeed.
func (h *host) git(dir string, arguments ...string) string {
	h.t.Helper()
	out, err := h.try(dir, "git", arguments...)
	if err != nil {
		h.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// fail runs git, which must fail and say what is wanted.
func (h *host) fail(want, dir string, arguments ...string) string {
	h.t.Helper()
	out, err := h.try(dir, "git", arguments...)
	if err == nil {
		h.t.Fatalf("git %s succeeded:\n%s", strings.Join(arguments, " "), out)
	}
	if !strings.Contains(out, want) {
		h.t.Fatalf("git %s: no %q in:\n%s", strings.Join(arguments, " "), want, out)
	}
	return out
}

// tree makes a work tree with one commit on main and a remote named csph for the service at path.
func (h *host) tree(path string) string {
	h.t.Helper()
	dir, err := os.MkdirTemp(h.client, "tree-")
	if err != nil {
		h.t.Fatal(err)
	}
	h.git(dir, "init", "-q", "-b", "main")
	h.git(dir, "remote", "add", "csph", h.url(path))
	h.commit(dir, "index.html", "hello\n")
	return dir
}

func (h *host) commit(dir, file, content string) string {
	h.t.Helper()
	h.write(filepath.Join(dir, file), content)
	h.git(dir, "add", "-A")
	h.git(dir, "commit", "-q", "-m", "change "+file)
	return h.git(dir, "rev-parse", "HEAD")
}

// bare is the folder of a service's repository.
func (h *host) bare(service string) string { return filepath.Join(h.dir, "repos", service+".git") }

// ref is where a reference of a service stands; "" when it is not there.
func (h *host) ref(service, name string) string {
	out, err := h.try(h.dir, "git", "--git-dir", h.bare(service), "rev-parse", "-q", "--verify", name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// sound runs git fsck over a service's repository, and looks for what a push should not leave.
func (h *host) sound(service string) {
	h.t.Helper()
	if out, err := h.try(h.dir, "git", "--git-dir", h.bare(service), "fsck", "--full"); err != nil {
		h.t.Errorf("fsck of %s: %v\n%s", service, err, out)
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "repos", ".quarantine", "*"))
	if err != nil || len(left) > 0 {
		h.t.Errorf("left in quarantine: %v %v", left, err)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// fakeKeys knows one key, which may push unless it is told why not.
type fakeKeys struct {
	key    string
	noPush *atomic.Pointer[error]
}

func (k fakeKeys) Authenticate(_ context.Context, key ssh.PublicKey) (gitd.Identity, error) {
	if string(key.Marshal()) != k.key {
		return gitd.Identity{}, platform.ErrUnauthorized
	}
	identity := gitd.Identity{Account: "acc_1", Name: "laptop"}
	if why := k.noPush.Load(); why != nil {
		identity.NoPush = *why
	}
	return identity, nil
}

// fakeServices is a list of services that grows by Create, except for names that start with "no".
type fakeServices struct {
	mu  sync.Mutex
	ids map[string]string
}

func newServices() *fakeServices { return &fakeServices{ids: make(map[string]string)} }

func (s *fakeServices) Resolve(_ context.Context, _ gitd.Identity, path string) (platform.Service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path == "secret" {
		return platform.Service{}, fmt.Errorf("%w: service %q is not yours", platform.ErrForbidden, path)
	}
	if id := s.ids[path]; id != "" {
		return platform.Service{ID: id, Name: path}, nil
	}
	return platform.Service{}, fmt.Errorf("service %q: %w", path, platform.ErrNotFound)
}

func (s *fakeServices) Create(_ context.Context, _ gitd.Identity, path string) (platform.Service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(path, "no") {
		return platform.Service{}, fmt.Errorf("%w: you may not create services", platform.ErrForbidden)
	}
	if s.ids[path] != "" {
		return platform.Service{}, platform.ErrConflict
	}
	s.ids[path] = "svc_" + strings.NewReplacer("/", "", "-", "").Replace(path)
	return platform.Service{ID: s.ids[path], Name: path}, nil
}

func (s *fakeServices) has(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[path] != ""
}

// fakeDeployer checks the source out, builds as told, accepts, and rolls out as told. It narrates, too.
type fakeDeployer struct {
	mu sync.Mutex
	// build runs between Checkout and Accept; its failure is the build's.
	build func(ctx context.Context, dir string) error
	// rollout is how a deployment ends that was accepted.
	rollout platform.Deployment
	// unsettled, when set, is what Deploy waits for before it returns.
	unsettled <-chan struct{}

	requests []deploy.Request
	ended    []platform.Deployment
}

func newDeployer() *fakeDeployer {
	return &fakeDeployer{
		build:   func(context.Context, string) error { return nil },
		rollout: platform.Deployment{Status: platform.Live},
	}
}

func (f *fakeDeployer) Deploy(ctx context.Context, r deploy.Request) (platform.Deployment, error) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	id := fmt.Sprintf("dep_%d", len(f.requests))
	f.mu.Unlock()
	r.Created(platform.Deployment{ID: id, Status: platform.Queued})
	d := f.run(ctx, r)
	d.ID, d.Service, d.Source = id, r.Service, r.Source.Describe()
	f.mu.Lock()
	f.ended = append(f.ended, d)
	f.mu.Unlock()
	return d, nil
}

func (f *fakeDeployer) builds(build func(ctx context.Context, dir string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.build = build
}

func (f *fakeDeployer) rollsOut(d platform.Deployment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rollout = d
}

func (f *fakeDeployer) settlesWith(c <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unsettled = c
}

func (f *fakeDeployer) run(ctx context.Context, r deploy.Request) platform.Deployment {
	f.mu.Lock()
	build, rollout, unsettled := f.build, f.rollout, f.unsettled
	f.mu.Unlock()
	dir, err := r.Source.Checkout(ctx)
	if err == nil {
		err = build(ctx, dir)
	}
	switch {
	case ctx.Err() != nil:
		return platform.Deployment{Status: platform.Canceled}
	case errors.Is(err, errOvertaken):
		return platform.Deployment{Status: platform.Superseded}
	case err != nil:
		return platform.Deployment{Status: platform.Failed, Reason: platform.BuildFailed, Message: err.Error()}
	}
	if err := r.Accept(ctx, platform.Deployment{}); err != nil {
		return platform.Deployment{Status: platform.Failed, Reason: platform.Internal, Message: err.Error()}
	}
	if unsettled != nil {
		<-unsettled
	}
	return rollout
}

var errOvertaken = errors.New("overtaken")

// Follow writes a line at once, and one when the deployment has ended.
func (f *fakeDeployer) Follow(ctx context.Context, deployment string, w io.Writer) error {
	fmt.Fprintf(w, "story of %s begins\n", deployment)
	for ctx.Err() == nil && !f.hasEnded(deployment) {
		time.Sleep(time.Millisecond)
	}
	_, err := fmt.Fprintf(w, "story of %s ends\n", deployment)
	return err
}

func (f *fakeDeployer) hasEnded(deployment string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.ended, func(d platform.Deployment) bool { return d.ID == deployment })
}

func (f *fakeDeployer) last() (deploy.Request, platform.Deployment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ended) == 0 {
		return deploy.Request{}, platform.Deployment{}
	}
	return f.requests[len(f.requests)-1], f.ended[len(f.ended)-1]
}

func (f *fakeDeployer) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
