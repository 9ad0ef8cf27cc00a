package gitd_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"csph/gitd/remote"
)

// lfsHost is the batch API of Git LFS in front of a hub, with contents by OID.
type lfsHost struct {
	hub      *hub
	contents map[string]string
	given    atomic.Int64
	server   *httptest.Server
}

func newLFSHost(t *testing.T, h *hub) *lfsHost {
	l := &lfsHost{hub: h, contents: map[string]string{}}
	l.server = httptest.NewTLSServer(l)
	t.Cleanup(l.server.Close)
	return l
}

func (l *lfsHost) repository() remote.Repository {
	r := l.hub.repository()
	r.URL, r.LFS = l.server.URL+"/shop.git", true
	return r
}

// put keeps a content and returns its pointer.
func (l *lfsHost) put(content string) (pointer string) {
	sum := sha256.Sum256([]byte(content))
	oid := hex.EncodeToString(sum[:])
	l.contents[oid] = content
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, len(content))
}

func (l *lfsHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/objects/") && r.Header.Get("X-Ticket") == "yes":
		l.given.Add(1)
		fmt.Fprint(w, l.contents[filepath.Base(r.URL.Path)])
	case r.URL.Path == "/shop.git/info/lfs/objects/batch":
		if _, password, _ := r.BasicAuth(); password != hubToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		l.locate(w, r)
	default:
		l.hub.server.Config.Handler.ServeHTTP(w, r)
	}
}

func (l *lfsHost) locate(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Objects []remote.Object }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var found []any
	for _, o := range asked.Objects {
		if _, ok := l.contents[o.OID]; !ok {
			found = append(found, map[string]any{"oid": o.OID, "size": o.Size, "error": map[string]any{"code": 404, "message": "Object does not exist"}})
			continue
		}
		found = append(found, map[string]any{"oid": o.OID, "size": o.Size, "actions": map[string]any{
			"download": map[string]any{"href": "/objects/" + o.OID, "header": map[string]string{"X-Ticket": "yes"}},
		}})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"objects": found})
}

func TestContentsOfLFSFilesAreFetchedByChoice(t *testing.T) {
	hub := startHub(t)
	l := newLFSHost(t, hub)
	hub.commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	pointer := l.put("the whole model")
	hub.commit("model.bin", pointer)
	h := start(t, hub.reaching)
	dir, err := h.checkout(l.repository(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "model.bin"); got != "the whole model" {
		t.Errorf("it says %q", got)
	}
	before, err := os.Stat(filepath.Join(dir, "model.bin"))
	if err != nil {
		t.Fatal(err)
	}
	hub.commit("index.html", "one")
	if _, err := h.checkout(l.repository(), ""); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dir, "model.bin"))
	if err != nil || !after.ModTime().Equal(before.ModTime()) || l.given.Load() != 1 {
		t.Errorf("a content that did not change was given %d times, %v", l.given.Load(), err)
	}
	t.Run("and left out otherwise", func(t *testing.T) {
		if _, err := h.checkout(hub.repository(), ""); err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir, "model.bin"); got != pointer {
			t.Errorf("it says %q", got)
		}
	})
}

func TestAnLFSFileThatCannotBeHadFailsTheDeploymentWithTheReason(t *testing.T) {
	hub := startHub(t)
	l := newLFSHost(t, hub)
	h := start(t, hub.reaching)
	hub.commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	forged := l.put("the whole model")
	for oid := range l.contents {
		l.contents[oid] = "another model"
	}
	hub.commit("model.bin", forged)
	if _, err := h.checkout(l.repository(), ""); err == nil || !strings.Contains(err.Error(), "what came is not what was asked for") {
		t.Errorf("another content: %v", err)
	}
	hub.commit("model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 5\n")
	if _, err := h.checkout(l.repository(), ""); err == nil || !strings.Contains(err.Error(), "404 Object does not exist") {
		t.Errorf("one that is not there: %v", err)
	}
	hub.commit("model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 999999999999999\n")
	if _, err := h.checkout(l.repository(), ""); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("one that is too large: %v", err)
	}
}
