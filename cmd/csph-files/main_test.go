package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"csph/platform"
	"csph/test/port"
)

// asCommand has the test binary be the command itself.
const asCommand = "CSPH_FILES_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// write makes a file and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// freePort is a port that nobody else listens on.
func freePort(t *testing.T) string {
	t.Helper()
	_, number, err := net.SplitHostPort(port.Reserve(t))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestASiteIsServedOnThePortOfTheEnvironmentUntilASignal(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	write(t, filepath.Join(dir, "index.html"), "home")
	config := write(t, filepath.Join(t.TempDir(), "site.json"), `{"root": "`+dir+`", "headers": [{"for": "/*", "values": {"X-Mine": "yes"}}]}`)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, config, port) }()
	resp, err := http.Get("http://127.0.0.1:" + port + "/")
	for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		resp, err = http.Get("http://127.0.0.1:" + port + "/")
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != "home" || resp.Header.Get("X-Mine") != "yes" {
		t.Errorf("%d %q, %v", resp.StatusCode, body, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheCommandAnswersWhatHasBegunAfterSIGTERMAndExitsWithStatusZero(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	config := write(t, filepath.Join(t.TempDir(), "site.json"), `{"root": "`+dir+`"}`)
	large := strings.Repeat("x", 32<<20) // more than sockets hold
	write(t, filepath.Join(dir, "large.bin"), large)
	cmd := exec.Command(os.Args[0], config)
	cmd.Env = append(os.Environ(), asCommand+"=1", "PORT="+port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	resp, err := http.Get("http://127.0.0.1:" + port + "/large.bin")
	for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		resp, err = http.Get("http://127.0.0.1:" + port + "/large.bin")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil; conn, err = net.Dial("tcp", "127.0.0.1:"+port) {
		_ = conn.Close() // until nobody is let in any more
		time.Sleep(time.Millisecond)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != len(large) {
		t.Errorf("%d bytes of %d, %v", len(body), len(large), err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestAnAnswerThatHasBegunIsFinishedAfterTheSignal(t *testing.T) {
	l, err := net.Listen("tcp", port.Reserve(t)) // nobody else is let in there once it is closed
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			stop()
			for { // until nobody is let in any more
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					break
				}
				conn.Close()
				time.Sleep(time.Millisecond)
			}
			_, _ = io.WriteString(w, "whole")
		}))
	}()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "whole" {
		t.Errorf("%q, %v", body, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeServedIsSaid(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	good := write(t, filepath.Join(dir, "good.json"), `{"root": "`+dir+`"}`)
	for name, c := range map[string]struct {
		file, port, want string
	}{
		"no file":        {filepath.Join(dir, "missing"), port, "read how the site is served"},
		"no JSON":        {write(t, filepath.Join(dir, "bad.json"), "root"), port, "bad.json"},
		"a bad redirect": {write(t, filepath.Join(dir, "rule.json"), `{"root": "`+dir+`", "redirects": [{"from": "x"}]}`), port, platform.ErrInvalid.Error()},
		"no folder":      {write(t, filepath.Join(dir, "root.json"), `{"root": "`+dir+`/missing"}`), port, "open the site"},
		"a taken port":   {good, port, "listen"},
	} {
		err := run(t.Context(), c.file, c.port)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
