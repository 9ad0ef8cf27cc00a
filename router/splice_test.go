package router

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestLargeBodiesAreMovedWholeBothWaysAndCounted(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the app could not read its request: %v", err)
		}
		w.Header().Set("Saw", fmt.Sprintf("%x", sha256.Sum256(body)))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
	total := uint64(0)
	for _, size := range []int{spliceLeast - 1, spliceLeast, spliceLeast + 200_000, 5<<20 + 7} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i * 7 >> 3)
		}
		for range 2 {
			resp, err := b.client().Post("http://app.test/", "", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			sum := fmt.Sprintf("%x", sha256.Sum256(body))
			if got := readAll(t, resp); got != string(body) || resp.Header.Get("Saw") != sum {
				t.Errorf("%d bytes: %d came back", size, len(got))
			}
			total += uint64(size)
		}
	}
	eventually(t, "all is counted", func() bool {
		s, _ := b.Stats("app")
		return s.BytesIn == total && s.BytesOut == total && s.InFlight == 0
	})
	if len(b.pipes.spare) == 0 {
		t.Error("nothing went through a pipe")
	}
}

func TestALargeBodyCutByTheAppNeverLooksCompleteAndLeavesNoPipe(t *testing.T) {
	b := start(t, Config{})
	before := openFiles(t)
	head := "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + strings.Repeat("x", 3_000_000)
	b.route(answersRaw(t, head, true))
	w := b.dial()
	w.send(request11())
	resp, err := http.ReadResponse(w.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err == nil || len(body) >= 10_000_000 {
		t.Errorf("%d bytes look complete", len(body))
	}
	_ = w.Close()
	eventually(t, "what it took is free again", func() bool { return openFiles(t) <= before+1 }) // the app's listener
}

// openFiles returns how many pipes and sockets the process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestASlowReaderOfALargeBodyHoldsOnlyItsOwnConnectionAndIsCut(t *testing.T) {
	b := start(t, Config{Limits: Limits{BodyTimeout: 300 * time.Millisecond}})
	ended := make(chan error, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			return
		}
		w.Header().Set("Content-Length", "100000000")
		_, err := io.Copy(w, io.LimitReader(zeros{}, 100_000_000))
		ended <- err
	}))
	w := b.dial()
	_ = w.Conn.(*net.TCPConn).SetReadBuffer(4096)
	w.send(request11())
	if status, _ := b.get("http://app.test/small"); status != 200 {
		t.Errorf("status %d", status)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the app wrote it all to nobody")
		}
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
}
