package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// proxy is a measured process.
type proxy struct {
	name string
	addr string
	pid  int // the process that does the work
	cmd  *exec.Cmd
}

const backendConf = `worker_processes 1; daemon off; master_process off; pid %[1]s/backend.pid; error_log %[1]s/backend.err;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; open_file_cache max=16; sendfile on;
  server { listen %[2]s backlog=1024; root %[1]s; } }
`

// proxyConf has access log and request ids on, as the router has.
const proxyConf = `worker_processes 1; daemon off; master_process off; pid %[1]s/proxy.pid; error_log %[1]s/proxy.err;
events { worker_connections 4096; }
http { access_log %[1]s/nginx.log combined buffer=64k flush=1s; keepalive_requests 1000000000;
  upstream backend { server %[3]s; keepalive 256; keepalive_requests 1000000000; }
  server { listen %[2]s backlog=1024;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id; } } }
`

// startAll starts the backend and the proxies, nginx first. stop ends them all; it is never nil.
func startAll(ctx context.Context, dir string, o options) (proxies []proxy, stop func() error, err error) {
	var started []proxy
	stop = func() error { return stopAll(started) }
	if err := writeBodies(dir); err != nil {
		return nil, stop, err
	}
	addrs, err := freeAddresses(4)
	if err != nil {
		return nil, stop, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, stop, err
	}
	role := func(role, addr string) []string {
		return []string{self, "-role", role, "-listen", addr, "-target", addrs[0], "-access-log", filepath.Join(dir, role+".log"), "-pprof", o.profile}
	}
	for _, p := range []struct {
		name, addr, conf string
		args             []string
	}{
		{"backend", addrs[0], fmt.Sprintf(backendConf, dir, addrs[0]), nil},
		{"nginx", addrs[1], fmt.Sprintf(proxyConf, dir, addrs[1], addrs[0]), nil},
		{"csph", addrs[2], "", role("router", addrs[2])},
		{"httputil", addrs[3], "", role("reverse", addrs[3])},
	} {
		if p.conf != "" {
			file := filepath.Join(dir, p.name+".conf")
			if err := os.WriteFile(file, []byte(p.conf), 0o644); err != nil {
				return nil, stop, err
			}
			p.args = []string{"nginx", "-c", file}
		}
		x, err := startProxy(ctx, p.name, p.addr, p.args)
		if err != nil {
			return nil, stop, err
		}
		started = append(started, x)
	}
	return started[1:], stop, nil
}

func startProxy(ctx context.Context, name, addr string, args []string) (proxy, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return proxy{}, fmt.Errorf("start %s: %w", name, err)
	}
	p := proxy{name: name, addr: addr, pid: cmd.Process.Pid, cmd: cmd}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			return p, c.Close()
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return proxy{}, errors.Join(fmt.Errorf("%s does not listen: %w", name, ctx.Err()), cmd.Process.Kill())
		}
	}
}

// stopAll interrupts all processes and waits for them; nginx knows SIGTERM only.
func stopAll(started []proxy) error {
	var errs []error
	for _, p := range started {
		sig := syscall.SIGINT
		if strings.HasPrefix(filepath.Base(p.cmd.Path), "nginx") {
			sig = syscall.SIGTERM
		}
		if err := p.cmd.Process.Signal(sig); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
			continue
		}
		if err := p.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

// freeAddresses returns n loopback addresses that nobody listens at.
func freeAddresses(n int) ([]string, error) {
	var list []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		list = append(list, ln.Addr().String())
	}
	return list, nil
}

// cpu returns the CPU time, user and system, that a process has taken (proc(5)).
func cpu(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read /proc/%d/stat: %q", pid, b)
	}
	const perSecond = 100 // USER_HZ
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / perSecond, errors.Join(err1, err2)
}
