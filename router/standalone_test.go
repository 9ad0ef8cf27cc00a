package router

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// routesTo is a routes file with one route.
func routesTo(target netip.AddrPort) string {
	return fmt.Sprintf(`{"routes":[{"host":"127.0.0.1","targets":[%q]}]}`, target)
}

// standalone runs a router by a routes file and returns its URL.
func standalone(t *testing.T, file string) (url string, log *lines) {
	t.Helper()
	addr := nobody(t).String()
	log = &lines{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- RunStandalone(ctx, addr, file, Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("RunStandalone returned %v", err)
		}
	})
	eventually(t, "the router serves", func() bool { return strings.Contains(log.String(), "serving") })
	return "http://" + addr + "/", log
}

func body(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAStandaloneRouterFollowsItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.json")
	write(t, file, routesTo(says(t, "one")))
	url, log := standalone(t, file)
	if got := body(t, url); got != "one" {
		t.Errorf("got %q", got)
	}
	write(t, file, routesTo(says(t, "two")))
	eventually(t, "the changed file is followed", func() bool { return body(t, url) == "two" })
	write(t, file+".new", routesTo(says(t, "three")))
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replaced file is followed", func() bool { return body(t, url) == "three" })
	write(t, file, `{"routes":[{"hots":"127.0.0.1"}]}`)
	eventually(t, "the bad file is complained about", func() bool { return strings.Contains(log.String(), "the old routes stay") })
	if got := body(t, url); got != "three" {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(log.String(), `unknown field \"hots\"`) {
		t.Errorf("log %s", log.String())
	}
}

func TestAStandaloneRouterRefusesToStartWithABadFile(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "not JSON": "routes:", "an unknown key": `{"routes":[],"x":1}`, "two objects": `{"routes":[]}{}`,
		"a bad target": `{"routes":[{"host":"a","targets":["a:b"]}]}`, "no host": `{"routes":[{"targets":[]}]}`,
		"a host twice": `{"routes":[{"host":"a"},{"host":"a"}]}`, "a bad host": `{"routes":[{"host":"a b"}]}`,
		"a host in two spellings": `{"routes":[{"host":"a"},{"host":"A."}]}`,
	} {
		file := filepath.Join(t.TempDir(), "routes.json")
		write(t, file, text)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := RunStandalone(ctx, "127.0.0.1:0", file, Config{}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v", name, err)
		}
		cancel()
	}
	if err := RunStandalone(context.Background(), "127.0.0.1:0", filepath.Join(t.TempDir(), "none"), Config{}); err == nil {
		t.Error("a missing file was no error")
	}
}

func FuzzRoutesFile(f *testing.F) {
	f.Add([]byte(`{"routes":[{"host":"app.example.test","targets":["127.0.0.1:9000"]}]}`))
	f.Add([]byte(`{"routes":[{"host":"*.apps","targets":[]}]} x`))
	f.Fuzz(func(t *testing.T, in []byte) {
		table, err := parseRoutes(in)
		if err != nil {
			return
		}
		r := New(Config{})
		defer func() { _ = r.Shutdown(context.Background()) }()
		if err := r.Install(table); err == nil && len(r.Table().Routes) != len(table.Routes) {
			t.Fatalf("%q: installed %+v", in, r.Table())
		}
	})
}
