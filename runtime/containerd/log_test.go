package containerd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"csph/logs"
)

func TestASphereletsOutputIsKeptAndItsLogEnds(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	followed := make(chan []string, 1)
	go func() {
		var texts []string
		for l, err := range logs.Follow(ctx, r.eng.LogPath("dep_1", s.ID), logs.Query{}) {
			if err != nil {
				texts = append(texts, err.Error())
			}
			texts = append(texts, l.Text)
		}
		followed <- texts
	}()
	r.ask(s.Address, "/exit", "code", "7")
	r.await("dep_1", 1)
	r.remove("dep_1")
	want := []string{"listening on 8080", "listening on 8080", "stopping"}
	if got := <-followed; ctx.Err() != nil || !slices.Equal(got, want) {
		t.Errorf("followed %q, want %q and then the end", got, want)
	}
	if ids, err := r.eng.Logged("dep_1"); err != nil || !slices.Equal(ids, []string{s.ID}) {
		t.Errorf("logs of %v, %v", ids, err)
	}
	if err := r.eng.ForgetLogs("dep_1"); err != nil {
		t.Fatal(err)
	}
	if ids, err := r.eng.Logged("dep_1"); err != nil || len(ids) != 0 {
		t.Errorf("after ForgetLogs: %v, %v", ids, err)
	}
}

func TestTheLogSurvivesContainerdsDeath(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	r.killContainerd()
	if _, err := r.ask(s.Address, "/write", "path", "/dev/stdout", "text", "said to a dead containerd\n"); err != nil {
		t.Fatal(err)
	}
	r.awaitContainerd()
	r.remove("dep_1")
	if log := strings.Join(r.log("dep_1", s.ID), "\n"); !strings.Contains(log, "O said to a dead containerd") {
		t.Errorf("log:\n%s", log)
	}
}

func TestSecretsAreNeitherInTheLogNorInTheLoggersArguments(t *testing.T) {
	const secret = "hunter2-and-more"
	r := newRig(t)
	set := r.set("dep_1")
	set.Env["PASSWORD"] = secret
	set.Secret = []string{"PASSWORD", "UNSET"}
	s := r.apply(set)[0]
	if _, err := r.ask(s.Address, "/write", "path", "/dev/stdout", "text", "green and "+secret+"\n"); err != nil {
		t.Fatal(err)
	}
	loggers := 0
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, []byte("csph-log")) || !bytes.Contains(line, []byte("dep_1")) {
			continue // it has ended, or is somebody else's
		}
		loggers++
		if bytes.Contains(line, []byte(secret)) {
			t.Errorf("the logger's arguments are %q", line)
		}
	}
	if loggers == 0 {
		t.Error("there is no logger")
	}
	r.remove("dep_1")
	if log := strings.Join(r.log("dep_1", s.ID), "\n"); !strings.Contains(log, "O green and ***") || strings.Contains(log, secret) {
		t.Errorf("log:\n%s", log)
	}
}
