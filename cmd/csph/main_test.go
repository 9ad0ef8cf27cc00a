package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"csph/api/apitest"
	"csph/logs"
	"csph/platform"
	"csph/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"csph": main})
}

// serverKey is where a script keeps its server.
type serverKey struct{}

// TestScripts runs the command as a process of its own, against an API that is served here.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := apitest.Start(env.T().(testing.TB))
			env.Values[serverKey{}] = s
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TZ", "UTC")
			env.Setenv("CSPH_URL", s.URL)
			env.Setenv("CSPH_TOKEN", s.Token)
			env.Setenv("CSPH_STATE", filepath.Join(env.WorkDir, "nowhere"))
			env.Setenv("TOKEN", s.Token)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": awaitStatus, "says": says, "visited": visited, "files": files, "ready": ready,
		},
	})
}

func server(ts *testscript.TestScript) *apitest.Server {
	return ts.Value(serverKey{}).(*apitest.Server)
}

// exits STATUS PROGRAM ARGS…: the program ends with that status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// awaitStatus SERVICE STATUS: waits until the service's newest deployment has that status.
func awaitStatus(ts *testscript.TestScript, _ bool, args []string) {
	s := server(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	check := func() bool {
		svc, err := s.DB.ResolveService(ctx, s.Account.ID, args[0])
		if errors.Is(err, platform.ErrNotFound) {
			return false
		}
		ts.Check(err)
		all, err := s.DB.Deployments(ctx, svc.ID, 1)
		ts.Check(err)
		return len(all) == 1 && string(all[0].Status) == args[1]
	}
	for _, err := range s.DB.Subscribe(ctx, store.Filter{Live: true}) {
		ts.Check(err)
		if check() {
			return
		}
	}
}

// says SERVICE TEXT…: a spherelet of what is live writes lines.
func says(ts *testscript.TestScript, _ bool, args []string) {
	s := server(ts)
	svc, err := s.DB.ResolveService(context.Background(), s.Account.ID, args[0])
	ts.Check(err)
	log, err := logs.Create(filepath.Join(s.LogDir(), "spherelets", svc.Live, "sph_abcdef.log"), logs.Options{})
	ts.Check(err)
	for _, text := range args[1:] {
		ts.Check(log.Append(logs.Out, text))
	}
	ts.Check(log.Close())
}

// visited SERVICE PATH…: the router has logged requests for those paths.
func visited(ts *testscript.TestScript, _ bool, args []string) {
	s := server(ts)
	svc, err := s.DB.ResolveService(context.Background(), s.Account.ID, args[0])
	ts.Check(err)
	log, err := logs.Create(filepath.Join(s.LogDir(), "access", svc.ID+".log"), logs.Options{})
	ts.Check(err)
	for _, path := range args[1:] {
		ts.Check(log.Append(logs.Out, `{"path":"`+path+`"}`))
	}
	ts.Check(log.Close())
}

// files NAME…: what was in the uploads that were deployed.
func files(ts *testscript.TestScript, _ bool, args []string) {
	if got, want := strings.Join(server(ts).Deployer.Files(), " "), strings.Join(args, " "); got != want {
		ts.Fatalf("deployed %q, want %q", got, want)
	}
}

// ready yes|no: everything is up on the server, or not.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	server(ts).SetReady(args[0] == "yes")
}

func TestLabelsOfFoldersAreNamesOfServices(t *testing.T) {
	for in, want := range map[string]string{
		"web": "web", "My App": "my-app", "__x__": "x", "..": "", "a.b": "a-b", "日本": "",
		strings.Repeat("a", 70): strings.Repeat("a", 63), strings.Repeat("a-", 40): strings.TrimSuffix(strings.Repeat("a-", 32), "-"),
	} {
		if got := label(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTheServiceOfARemoteIsItsPath(t *testing.T) {
	for in, want := range map[string]string{
		"ssh://git@localhost:2222/web": "web", "ssh://git@h/staging/web.git": "staging/web", "ssh://git@h:22/": "", "git@h:web": "", "": "",
	} {
		if got := remoteService(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestATokenGoesToNoOtherServerThanItsOwn(t *testing.T) {
	home, state := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(state, tokenFile), []byte("csph_admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": home, "CSPH_STATE": state}
	a := &app{env: func(name string) string { return env[name] }}
	if err := writeSettings(a.settingsPath(), settings{URL: "https://one.example", Token: "csph_one"}); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"": "csph_one", "https://one.example/": "csph_one", "https://two.example": "",
		"http://127.0.0.1:7070": "csph_admin", "http://localhost:1": "csph_admin", "http://localhost.example": "",
	} {
		env["CSPH_URL"] = url
		if got, err := a.settings(); err != nil || got.Token != want {
			t.Errorf("%q: %+v, %v", url, got, err)
		}
	}
	if info, err := os.Stat(a.settingsPath()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(a.settingsPath(), []byte("ulr: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.settings(); err == nil {
		t.Error("an unknown key is taken")
	}
}
