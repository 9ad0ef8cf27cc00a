package builder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"csph/platform"
	"csph/test/port"
)

// faultyRegistry is a registry that can be told to misbehave.
type faultyRegistry struct {
	real  http.Handler
	fault atomic.Value // of type string
	host  string
	blobs atomic.Int64 // blobs asked for since the last fault was set
}

func newFaultyRegistry(t *testing.T) *faultyRegistry {
	r := &faultyRegistry{real: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	r.set("")
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *faultyRegistry) set(fault string) {
	r.blobs.Store(0)
	r.fault.Store(fault)
}

func (r *faultyRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	fault := r.fault.Load().(string)
	blob := req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/")
	first := blob && r.blobs.Add(1) == 1
	switch {
	case fault == "unauthorized":
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
	case fault == "forbidden":
		http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
	case fault == "too many":
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case fault == "broken":
		http.Error(w, "broken", http.StatusInternalServerError)
	case fault == "corrupt" && blob, fault == "corrupt once" && first:
		r.corrupt(w, req)
	default:
		r.real.ServeHTTP(w, req)
	}
}

// corrupt answers with the right length and wrong content.
func (r *faultyRegistry) corrupt(w http.ResponseWriter, req *http.Request) {
	rec := httptest.NewRecorder()
	r.real.ServeHTTP(rec, req)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	w.Write(bytes.Repeat([]byte{'x'}, rec.Body.Len()))
}

// push puts an image of platform into the registry and returns its reference.
func (r *faultyRegistry) push(t *testing.T, tag, architecture string) string {
	t.Helper()
	img, err := random.Image(200<<10, 2)
	must(t, err)
	config, err := img.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{Entrypoint: []string{"/bin/app"}, Cmd: []string{"serve"}, ExposedPorts: map[string]struct{}{"3000/tcp": {}}}
	img, err = mutate.ConfigFile(img, config)
	must(t, err)
	ref, err := name.ParseReference(r.host+"/team/"+tag, name.Insecure)
	must(t, err)
	must(t, remote.Write(ref, img))
	return ref.String()
}

func TestAPullIsPinnedToItsDigestAndForgottenAgain(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(time.Minute)
	r := newFaultyRegistry(t)
	ref := r.push(t, "app:1", "amd64")
	first, err := l.Pull(ctx, "dep_pull1", ref)
	must(t, err)
	if first.Ref != "csph.local/pulled:dep_pull1" || first.Port != 3000 || strings.Join(first.Command, " ") != "/bin/app serve" || first.Size < 200<<10 {
		t.Errorf("image is %+v", first)
	}
	r.push(t, "app:1", "amd64") // the tag moves
	second, err := l.Pull(ctx, "dep_pull2", ref)
	must(t, err)
	if second.Digest == first.Digest {
		t.Error("the second pull has the digest of the first")
	}
	stored, err := l.engine.GetImage(l.inNamespace(ctx), first.Ref)
	must(t, err)
	if stored.Target().Digest.String() != first.Digest {
		t.Error("a later pull of the tag changed the first deployment's image")
	}
	must(t, l.Forget(ctx, first))
	must(t, l.Forget(ctx, first))
	if _, err := l.engine.GetImage(l.inNamespace(ctx), first.Ref); err == nil {
		t.Error("the forgotten image is still there")
	}
	if err := l.Forget(ctx, platform.Image{Ref: debianBase}); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("forgetting a base image: %v", err)
	}
}

func TestFailedPullsSayWhatHappenedAndWhatToDo(t *testing.T) {
	l := sharedLab(t)
	r := newFaultyRegistry(t)
	good, foreign := r.push(t, "good:1", "amd64"), r.push(t, "foreign:1", "s390x")
	index, err := name.ParseReference(r.host+"/team/index:1", name.Insecure)
	must(t, err)
	img, err := random.Image(1000, 1)
	must(t, err)
	must(t, remote.WriteIndex(index, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}},
	})))
	for _, c := range []struct{ name, fault, ref, message, hint string }{
		{"a missing tag", "", r.host + "/team/good:2", "no such image or tag", "check the name"},
		{"a missing repository", "", r.host + "/team/none:1", "no such image or tag", "set-registry"},
		{"no credentials", "unauthorized", good, "credentials", "csph services set-registry"},
		{"no right", "forbidden", good, "403", "csph services set-registry"},
		{"rate limit", "too many", good, "429", "wait"},
		{"server error", "broken", good, "500", "try again later"},
		{"nobody listens", "", port.Reserve(t) + "/team/good:1", "cannot be reached", "network"},
		{"no such host", "", "nohost.invalid/team/good:1", "no address in DNS", "registry's name"},
		{"not a reference", "", "HTTP://x/Y", "not an image reference", "name:tag"},
		{"another platform", "", foreign, "the image is for linux/s390x", "platform"},
		{"an index without this platform", "", index.String(), "no variant for linux/amd64", "platform"},
	} {
		r.set(c.fault)
		_, err := l.Pull(l.timeout(time.Minute), "dep_pullfail", c.ref)
		f := failureOf(t, err)
		if f.Reason != platform.ImagePullFailed || !strings.Contains(f.Message, c.message) || !strings.Contains(f.Hint, c.hint) {
			t.Errorf("%s: failure is %q, hint %q; cause: %v", c.name, f.Message, f.Hint, f.Err)
		}
	}
}

func TestACorruptDownloadDoesNotPoisonLaterPulls(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(2 * time.Minute)
	r := newFaultyRegistry(t)
	ref := r.push(t, "poison:1", "amd64")
	r.set("corrupt once")
	if _, err := l.Pull(ctx, "dep_poison1", ref); err != nil {
		t.Errorf("one corrupt blob fails the pull although a second try would get it: %v", err)
	}
	ref = r.push(t, "poison:2", "amd64")
	r.set("corrupt")
	_, err := l.Pull(ctx, "dep_poison2", ref)
	if f := failureOf(t, err); !strings.Contains(f.Message, "checksum") {
		t.Errorf("failure is %+v, cause %v", f, f.Err)
	}
	r.set("")
	if _, err := l.Pull(ctx, "dep_poison3", ref); err != nil {
		t.Errorf("the next pull: %v", err)
	}
	left, err := l.engine.ContentStore().ListStatuses(l.inNamespace(ctx))
	must(t, err)
	for _, s := range left {
		t.Errorf("an unfinished download is left: %+v", s)
	}
}

func TestAPartialDownloadOfAnEarlierPullIsCured(t *testing.T) {
	l := sharedLab(t)
	ctx := l.inNamespace(l.timeout(time.Minute))
	r := newFaultyRegistry(t)
	ref := r.push(t, "partial:1", "amd64")
	parsed, err := name.ParseReference(ref, name.Insecure)
	must(t, err)
	img, err := remote.Image(parsed)
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	digest, err := layers[0].Digest()
	must(t, err)
	w, err := l.engine.ContentStore().Writer(ctx, content.WithRef("layer-"+digest.String()))
	must(t, err)
	_, err = w.Write(bytes.Repeat([]byte("junk"), 1000))
	must(t, err)
	must(t, w.Close())
	if _, err := l.Pull(ctx, "dep_partial", ref); err != nil {
		t.Errorf("the pull: %v", err)
	}
}

func TestCancellingAPullReturnsAtOnce(t *testing.T) {
	l := sharedLab(t)
	ctx, cancel := context.WithCancel(l.timeout(time.Minute))
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		case <-r.Context().Done():
		}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	go func() {
		<-asked
		cancel()
	}()
	_, err := l.Pull(ctx, "dep_pullcancel", strings.TrimPrefix(server.URL, "http://")+"/a/b:1")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
