package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"csph/api/apitest"
	"csph/api/client"
	"csph/api/wire"
)

// TestAKillInTheMiddleOfAnyWriteLeavesNothingHalfMade has a server of its own for every operation of the document that
// changes something. It is killed at some moment of the operation, or behind its answer, and what is left is looked at: what was
// answered is there, nothing is half made, and the same request is answered by the server that follows.
func TestAKillInTheMiddleOfAnyWriteLeavesNothingHalfMade(t *testing.T) {
	h := newHousehold(t)
	if _, err := h.CreateEnvironment(t.Context(), wire.NewEnvironment{Name: "empty"}); err != nil {
		t.Fatal(err)
	}
	template := t.TempDir()
	if err := h.Server.DB.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	copyState(t, h.Dir, template)
	killed, answered := new(atomic.Int64), new(atomic.Int64)
	t.Run("operations", func(t *testing.T) {
		known := writings()
		for _, e := range h.entries {
			if e.method == http.MethodGet {
				continue
			}
			w, ok := known[e.ID]
			if !ok {
				t.Errorf("%s is killed nowhere: give it its request in writings", e.ID)
				continue
			}
			t.Run(e.ID, func(t *testing.T) {
				t.Parallel()
				if h.dies(t, template, e, w) {
					killed.Add(1)
				} else {
					answered.Add(1)
				}
			})
		}
	})
	t.Logf("%d operations were cut off, and %d killed behind their answer", killed.Load(), answered.Load())
	if killed.Load() == 0 || answered.Load() == 0 {
		t.Error("nothing is proved")
	}
}

// dies carries one operation out on a copy of the template and reports whether it was cut off.
func (h household) dies(t *testing.T, template string, e entry, w writing) (cut bool) {
	dir := t.TempDir()
	copyState(t, template, dir)
	d := startDoomed(t, dir)
	names := maps.Clone(h.names)
	maps.Copy(names, w.names)
	if w.also != nil {
		c, err := client.New(d.url, h.Token, "test")
		if err != nil {
			t.Fatal(err)
		}
		w.also(t, c, names)
	}
	before, known := look(t, dir)
	moment := 1 + rand.IntN(mostMoments)
	d.arm(t, moment)
	status, text, err := h.send(t, d.url, "first", e, w, names)
	d.end()
	if cut = err != nil; !cut && status/100 != 2 {
		t.Fatalf("%d %s", status, text)
	}
	after, _ := look(t, dir)
	t.Logf("at moment %d; answered %v, something has changed %v", moment, !cut, after != before)

	s, err := apitest.Serve(dir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	sound(t, s.DB)
	audited(t, s.DB, e, known, !cut, after != before)
	h.again(t, s.URL, e, w, names, after != before)
	return cut
}

// send makes the request of an operation at the server of url.
func (h household) send(t *testing.T, url, key string, e entry, w writing, names map[string]string) (status int, text []byte, err error) {
	t.Helper()
	path := parameter.ReplaceAllStringFunc(e.path, func(name string) string { return names[name] })
	var body io.Reader
	kind := "application/json"
	switch {
	case w.raw != nil:
		body, kind = w.raw(t)
	case w.body != nil:
		encoded, err := json.Marshal(w.body)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(t.Context(), e.method, url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.Token)
	if w.invited {
		r.Header.Set("Authorization", "Bearer "+h.callers["invited"].token)
	}
	r.Header.Set("Idempotency-Key", key)
	if body != nil {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// again makes the request once more, at a server that came after. Where nothing has come of it before, it succeeds; where
// something has, it may say that this is so.
func (h household) again(t *testing.T, url string, e entry, w writing, names map[string]string, changed bool) {
	t.Helper()
	if e.ID == "cancel-deployment" {
		return // what was being built has gone with the process that built it
	}
	status, text, err := h.send(t, url, "second", e, w, names)
	if err != nil {
		t.Fatal(err)
	}
	done := changed && (status == http.StatusConflict || status == http.StatusNotFound || status == http.StatusUnauthorized)
	if status/100 != 2 && !done {
		t.Errorf("the second time (something had changed: %v): %d %s", changed, status, text)
	}
}

// copyState copies a state folder.
func copyState(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "secrets.key"), 0o600); err != nil {
		t.Fatal(err)
	}
}
