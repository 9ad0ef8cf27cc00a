package api_test

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"csph/api"
	"csph/api/apitest"
	"csph/api/client"
	"csph/cmd/csphd/ledger"
	"csph/test/port"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheOperationsAreThoseThatScriptsRelyOn(t *testing.T) {
	var lines []string
	for path, methods := range start(t).document(t).Paths {
		for method := range methods {
			lines = append(lines, strings.ToUpper(method)+" "+path+"\n")
		}
	}
	slices.Sort(lines)
	got := strings.Join(lines, "")
	const golden = "testdata/operations.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the operations are\n%s", got)
	}
}

func TestServeEndsStreamsAndRemovesOldUploads(t *testing.T) {
	w := start(t)
	left := filepath.Join(w.Dir, "sources", "svc_1", "upload-1")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Options{
		Records: ledger.Records{DB: w.DB}, Events: w.Server.Events(), Deployer: w.Deployer, Runtime: w.Deployer, Host: w.Server,
		Logger: slog.New(slog.DiscardHandler), URL: apitest.URL, LogDir: w.LogDir(), Sources: filepath.Join(w.Dir, "sources"),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", port.Reserve(t)) // nobody else listens there afterwards
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	w.URL = "http://" + l.Addr().String()
	lines := w.raw(t, "/v1/events?follow=true")
	await(t, lines, ": csph")
	stop()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a stream keeps the server from ending")
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("an old upload: %v", err)
	}
	if _, err := http.Get(w.URL); err == nil {
		t.Error("the listener is still open")
	}
}

// FuzzLastEventID sends what the fuzzer makes of positions.
func FuzzLastEventID(f *testing.F) {
	s := apitest.Start(f)
	c, err := client.New(s.URL, s.Token, "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("12-1")
	f.Add("9223372036854775807-1")
	f.Fuzz(func(t *testing.T, id string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Base()+"/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Last-Event-Id"] = []string{id}
		r.Header.Set("Authorization", "Bearer "+s.Token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return // not a header that the client sends
		}
		answer.Body.Close()
		if answer.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%q: %s", id, answer.Status)
		}
	})
}
