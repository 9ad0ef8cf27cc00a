package e2e

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// settings writes a configuration for csphd and returns its path.
func settings(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "csphd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hub NAME: another git server, git's own over HTTPS, with the repository acme/NAME.git, at $HUB. Work trees push to it by
// the path of the repository, $HUB_PATH. It takes what GitHub's API does, from whoever has the token "hunter2", and
// writes that down in the file hub-told, a line each.
func hub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hub NAME")
	}
	root := ts.MkAbs("hub")
	repository := filepath.Join(root, "acme", args[0]+".git")
	ts.Check(os.MkdirAll(root, 0o755))
	ts.Check(ts.Exec("git", "init", "-q", "--bare", "-b", "main", repository))
	out, err := exec.Command("git", "--exec-path").Output()
	ts.Check(err)
	mux := http.NewServeMux()
	mux.Handle("/", &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	})
	mux.Handle("/api/v3/", &hubAPI{path: ts.MkAbs("hub-told")})
	server := httptest.NewTLSServer(mux)
	ts.Defer(server.Close)
	ts.Setenv("HUB", server.URL+"/acme/"+args[0]+".git")
	ts.Setenv("HUB_PATH", repository)
}

// hubAPI is the part of GitHub's API that reports go to.
type hubAPI struct {
	path string // of the file that has what was told

	mu   sync.Mutex
	n    int
	made map[string][]any // by path
}

func (h *hubAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer hunter2" {
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := h.write(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(h.made[r.URL.Path]) // a client that has gone
		return
	}
	made := map[string]any{}
	_ = json.Unmarshal(body, &made) // what is no JSON has no fields
	h.n++
	made["id"] = h.n
	if h.made == nil {
		h.made = map[string][]any{}
	}
	h.made[r.URL.Path] = append(h.made[r.URL.Path], made)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id": %d}`, h.n)
}

// write notes a request that makes or changes something, and returns its body.
func (h *hubAPI) write(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method == http.MethodGet {
		return nil, err
	}
	f, err := os.OpenFile(h.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(f, "%s %s %s\n", r.Method, r.URL.Path, body)
	return body, errors.Join(err, f.Close())
}

// hubSettings is the configuration of a csphd that may fetch from hubs, which are on this machine.
func hubSettings(t testing.TB) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler()) // its certificate is that of all of them
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "hub.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return settings(t, "registries:\n  allow: [127.0.0.0/8]\nremote:\n  allow: [127.0.0.0/8]\n  ca: "+ca+"\nautoscale:\n  every: 500ms\n  down_after: 2s\n")
}

// deliver CREATED REF COMMIT DELIVERY [SECRET]: GitHub's delivery of a push, to the webhook in the file CREATED, which
// csph webhooks create -o json has printed. COMMIT is a file with the commit's id. The answer is on standard output.
func deliver(ts *testscript.TestScript, s *server, neg bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: deliver CREATED REF COMMIT DELIVERY [SECRET]")
	}
	commit := strings.TrimSpace(ts.ReadFile(args[2]))
	send(ts, s, neg, args[0], "push", args[3], strings.Join(args[4:], ""), map[string]any{
		"ref": args[1], "after": commit, "head_commit": map[string]string{"id": commit, "message": "pushed to the hub"},
		"repository": map[string]string{"full_name": "acme/shop"}, "sender": map[string]string{"login": "ada"},
	})
}

// pull CREATED ACTION NUMBER BRANCH: GitHub's delivery of a pull request that changed.
func pull(ts *testscript.TestScript, s *server, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: pull CREATED ACTION NUMBER BRANCH")
	}
	number, err := strconv.Atoi(args[2])
	ts.Check(err)
	repository := map[string]string{"full_name": "acme/shop"}
	send(ts, s, neg, args[0], "pull_request", strings.Join(args[1:], " "), "", map[string]any{
		"action": args[1], "number": number, "repository": repository, "sender": map[string]string{"login": "ada"},
		"pull_request": map[string]any{"title": "A pull request", "head": map[string]any{"ref": args[3], "sha": "0", "repo": repository}},
	})
}

// send makes one delivery, signed with secret or the webhook's own.
func send(ts *testscript.TestScript, s *server, neg bool, created, event, delivery, secret string, payload any) {
	var made struct{ URL, Secret string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(created)), &made))
	body, err := json.Marshal(payload)
	ts.Check(err)
	mac := hmac.New(sha256.New, []byte(cmp.Or(secret, made.Secret)))
	mac.Write(body)
	host, path, _ := strings.Cut(strings.TrimPrefix(made.URL, "http://"), "/")
	request, err := http.NewRequest(http.MethodPost, "http://"+s.http+"/"+path, bytes.NewReader(body))
	ts.Check(err)
	request.Host = host
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": delivery,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	} {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if _, err := ts.Stdout().Write(text); err != nil {
		ts.Fatalf("%v", err)
	}
	if failed := answer.StatusCode >= 300; failed != neg {
		ts.Fatalf("the delivery was answered %s: %s", answer.Status, text)
	}
}
