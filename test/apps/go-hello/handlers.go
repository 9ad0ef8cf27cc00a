package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func hello(w http.ResponseWriter, _ *http.Request) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	fmt.Fprintf(w, "hello from version %s on %s\n", version, host)
}

// whoami tells what the app sees of itself and of the request.
func whoami(w http.ResponseWriter, r *http.Request) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "unknown"
	}
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{"version": version, "hostname": host, "uid": os.Getuid(), "gid": os.Getgid(), "pid": os.Getpid(),
		"dir": dir, "remote_addr": r.RemoteAddr, "host": r.Host, "headers": r.Header}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Print(err)
	}
}

// env answers with the variable named by ?name=, 404 where it is not set.
func env(w http.ResponseWriter, r *http.Request) {
	value, ok := os.LookupEnv(r.FormValue("name"))
	if !ok {
		http.Error(w, "not set", http.StatusNotFound)
		return
	}
	fmt.Fprintln(w, value)
}

// slow answers after ?ms= milliseconds.
func slow(w http.ResponseWriter, r *http.Request) {
	ms, ok := number(w, r, "ms")
	if !ok {
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		fmt.Fprintf(w, "slept %d ms, version %s\n", ms, version)
	case <-r.Context().Done():
	}
}

// burn keeps a CPU busy for ?ms= milliseconds, or as long as that takes where it gets less of one.
func burn(w http.ResponseWriter, r *http.Request) {
	ms, ok := number(w, r, "ms")
	if !ok {
		return
	}
	rounds := 0
	for end := time.Now().Add(time.Duration(ms) * time.Millisecond); time.Now().Before(end) && r.Context().Err() == nil; rounds++ {
	}
	fmt.Fprintf(w, "%d rounds, version %s\n", rounds, version)
}

// hoard keeps what /alloc allocated.
type hoard struct {
	mu     sync.Mutex
	blocks [][]byte
}

var held hoard

// alloc holds ?mb= more megabytes from now on, every page of them touched.
func alloc(w http.ResponseWriter, r *http.Request) {
	mb, ok := number(w, r, "mb")
	if !ok {
		return
	}
	block := make([]byte, mb<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	held.blocks = append(held.blocks, block)
	fmt.Fprintf(w, "holding %d MB more\n", mb)
}

// exit ends the process at once with status ?code=.
func exit(w http.ResponseWriter, r *http.Request) {
	if code, ok := number(w, r, "code"); ok {
		log.Printf("told to exit with status %d", code)
		os.Exit(code)
	}
}

func number(w http.ResponseWriter, r *http.Request, name string) (int, bool) {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil || n < 0 {
		http.Error(w, "give ?"+name+"=NUMBER", http.StatusBadRequest)
		return 0, false
	}
	return n, true
}

// events streams a server-sent event every ?ms= milliseconds (default 100) until the client leaves.
func events(w http.ResponseWriter, r *http.Request) {
	every := 100
	if r.FormValue("ms") != "" {
		var ok bool
		if every, ok = number(w, r, "ms"); !ok {
			return
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	flush := http.NewResponseController(w)
	tick := time.NewTicker(time.Duration(max(every, 1)) * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "id: %d\ndata: version %s\n\n", n, version)
		if err := flush.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
