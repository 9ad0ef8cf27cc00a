package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// load asks a service all the time and counts what comes back.
type load struct {
	stop      context.CancelFunc
	wg        sync.WaitGroup
	sent      atomic.Int64
	failed    atomic.Int64
	firstFail atomic.Value // string
	version   int          // of HTTP, that every answer must have; 0: any
}

// loads are the loads of a script, by host.
type loads struct {
	mu  sync.Mutex
	all map[string]*load
}

const loadClients = 8

// command is: load start HOST [PATH] | load stop HOST [AT_LEAST]. Stopping prints "N requests, F failed".
func (l *loads) command(s *server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: load start HOST [PATH] | load stop HOST [AT_LEAST]")
		}
		switch args[0] {
		case "start":
			path := "/"
			if len(args) > 2 {
				path = args[2]
			}
			l.put(ts, args[1], startLoad(s.http, args[1], path))
			ts.Defer(func() { l.end(args[1]) })
		case "stop":
			l.check(ts, args[1:])
		}
	}
}

func (l *loads) put(ts *testscript.TestScript, host string, ld *load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]*load{}
	}
	if l.all[host] != nil {
		ts.Fatalf("load on %s is running already", host)
	}
	l.all[host] = ld
}

func (l *loads) end(host string) *load {
	l.mu.Lock()
	ld := l.all[host]
	delete(l.all, host)
	l.mu.Unlock()
	if ld != nil {
		ld.stop()
		ld.wg.Wait()
	}
	return ld
}

func (l *loads) check(ts *testscript.TestScript, args []string) {
	ld := l.end(args[0])
	if ld == nil {
		ts.Fatalf("no load on %s", args[0])
	}
	sent, failed := ld.sent.Load(), ld.failed.Load()
	fmt.Fprintf(ts.Stdout(), "%d requests, %d failed\n", sent, failed)
	ts.Logf("load on %s: %d requests, %d failed", args[0], sent, failed)
	if failed > 0 {
		ts.Fatalf("%d of %d requests failed, the first one: %v", failed, sent, ld.firstFail.Load())
	}
	if len(args) > 1 {
		least, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		if sent < least {
			ts.Fatalf("only %d requests were sent, %d are needed for a verdict", sent, least)
		}
	}
}

// startLoad keeps loadClients clients asking; half of them keep their connection alive.
func startLoad(addr, host, path string) *load {
	ctx, stop := context.WithCancel(context.Background())
	ld := &load{stop: stop}
	for i := range loadClients {
		client := &http.Client{
			Timeout:   20 * time.Second,
			Transport: &http.Transport{DisableKeepAlives: i%2 == 1},
		}
		ld.wg.Go(func() {
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				ld.ask(client, "http://"+addr+path, host)
				select {
				case <-time.After(2 * time.Millisecond): // about 2,000 requests a second would starve two cores
				case <-ctx.Done():
				}
			}
		})
	}
	return ld
}

// ask sends one request to its end, whatever happens to the load.
func (l *load) ask(client *http.Client, url, host string) {
	l.sent.Add(1)
	if err := askOnce(client, url, host, l.version); err != nil {
		if l.failed.Add(1) == 1 {
			l.firstFail.Store(time.Now().Format("15:04:05.000") + " " + err.Error())
		}
	}
}

func askOnce(client *http.Client, url, host string, version int) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Host = host
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %.200s", resp.Status, body)
	}
	if version != 0 && resp.ProtoMajor != version {
		return fmt.Errorf("an answer of %s", resp.Proto)
	}
	return nil
}
