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

	"csph/test/port"
)

// proxy is a measured process.
type proxy struct {
	name   string
	addr   string
	secure string // its address of TLS
	pid    int
	cmd    *exec.Cmd
}

const backendConf = `worker_processes 1; daemon off; master_process off; pid %[1]s/backend.pid; error_log %[1]s/backend.err;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; open_file_cache max=16; sendfile on;
  server { listen %[2]s backlog=1024; root %[1]s; } }
`

// nginxConf has access log and request ids on, as the router has. How its log is written is the last argument.
const nginxConf = `worker_processes 1; daemon off; master_process off; pid %[5]s.pid; error_log %[5]s.err;
events { worker_connections 4096; }
http { access_log %[5]s.log combined%[6]s; keepalive_requests 1000000000;
  upstream backend { server %[4]s; keepalive 256; keepalive_requests 1000000000; }
  ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; ssl_session_cache off;
  server { listen %[2]s backlog=1024; listen %[3]s ssl http2 backlog=1024;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id; } } }
`

// haproxyConf logs to a socket that somebody reads, since it logs to no file.
const haproxyConf = `global
  nbthread 1
  maxconn 4096
  log %[1]s/haproxy.log.sock local0
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout client 75s
  timeout server 60s
  timeout connect 2s
  unique-id-format %%{+X}o\ %%ci:%%cp_%%Ts_%%rt
  unique-id-header X-Request-Id
frontend front
  bind %[2]s
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %%[req.hdr(host)]
  default_backend back
backend back
  server one %[4]s pool-max-conn 256
`

const caddyConf = `{"admin": {"disabled": true},
 "logging": {"logs": {"default": {"level": "ERROR"}, "access": {"writer": {"output": "file", "filename": "%[1]s/caddy.log"}, "include": ["http.log.access"], "encoder": {"format": "json"}}}},
 "apps": {
  "tls": {"certificates": {"load_files": [{"certificate": "%[1]s/cert.pem", "key": "%[1]s/key.pem"}]}},
  "http": {"servers": {
   "plain": {"listen": ["%[2]s"], "automatic_https": {"disable": true}, "logs": {}, "routes": [{"handle": [%[5]s]}]},
   "secure": {"listen": ["%[3]s"], "automatic_https": {"disable": true}, "logs": {}, "protocols": ["h1", "h2"], "tls_connection_policies": [{}], "routes": [{"handle": [%[5]s]}]}}}}}
`

const caddyHandler = `{"handler": "reverse_proxy", "upstreams": [{"dial": "%s"}], "transport": {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": 256}}}`

// nginx writes each line of its access log by itself unless it is told not to, and Debian's configuration does not tell
// it. The router writes many at once, as the other one does.
const (
	nginxAsShipped = "nginx"
	nginxBuffered  = "nginx, log buffered"
)

// nginx is the configuration of one.
func (h *house) nginx(name string, addrs []string) string {
	log := ""
	if name == nginxBuffered {
		log = " buffer=64k flush=1s"
	}
	return fmt.Sprintf(nginxConf, h.o.dir, addrs[0], addrs[1], h.backend, filepath.Join(h.o.dir, strings.ReplaceAll(name, " ", "-")), log)
}

// kinds are the proxies that there are, in the order of their lines.
func kinds() []string {
	return []string{nginxAsShipped, nginxBuffered, "haproxy", "csph", "csph, all cores", "caddy", "httputil", "copy", "splice"}
}

// house is the processes of one part: a backend and the proxies before it.
type house struct {
	o       options
	backend string // its address
	started []proxy
	ports   []*port.Held // theirs
}

// open starts the backend.
func openHouse(ctx context.Context, o options) (*house, error) {
	h := &house{o: o}
	addrs, err := h.addresses(1)
	if err != nil {
		return nil, err
	}
	h.backend = addrs[0]
	_, err = h.start(ctx, "backend", addrs[0], "", []string{"nginx", "-c", "backend.conf"}, fmt.Sprintf(backendConf, o.dir, addrs[0]))
	return h, err
}

// add starts one proxy. One whose binary is not there is said, and nil.
func (h *house) add(ctx context.Context, name string) (*proxy, error) {
	addrs, err := h.addresses(2)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var conf string
	var args []string
	switch name {
	case nginxAsShipped, nginxBuffered:
		conf, args = h.nginx(name, addrs), []string{"nginx", "-c", strings.ReplaceAll(name, " ", "-") + ".conf"}
	case "haproxy":
		conf, args = fmt.Sprintf(haproxyConf, h.o.dir, addrs[0], addrs[1], h.backend), []string{"haproxy", "-q", "-db", "-f", "haproxy.conf"}
	case "caddy":
		conf = fmt.Sprintf(caddyConf, h.o.dir, addrs[0], addrs[1], h.backend, fmt.Sprintf(caddyHandler, h.backend))
		args = []string{h.o.caddy, "run", "--config", "caddy.conf"}
	case "httputil":
		args = []string{self, "-role", "reverse", "-listen", addrs[0], "-target", h.backend}
	case "copy", "splice":
		args = []string{self, "-role", name, "-listen", addrs[0], "-target", h.backend}
	default:
		args = append([]string{self, "-role", "router", "-listen", addrs[0], "-secure", addrs[1], "-target", h.backend, "-dir", h.o.dir, "-pprof", h.o.profile}, csphFlags(name)...)
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		fmt.Printf("%s is left out: %v\n", name, err)
		return nil, nil
	}
	return h.start(ctx, name, addrs[0], addrs[1], args, conf)
}

// csphFlags are those of a variant of the router: "csph, 10000 routes" or "csph, 100 swaps/s".
func csphFlags(name string) []string {
	var n int
	if k, _ := fmt.Sscanf(name, "csph, %d routes", &n); k == 1 && strings.HasSuffix(name, "routes") {
		return []string{"-routes", strconv.Itoa(n)}
	}
	if strings.HasSuffix(name, "swaps/s") {
		return []string{"-routes", "10000", "-swaps", "100"}
	}
	return nil
}

// all starts the proxies of the names.
func (h *house) all(ctx context.Context, names ...string) (list []proxy, err error) {
	for _, name := range names {
		p, err := h.add(ctx, name)
		if err != nil {
			return nil, err
		}
		if p != nil {
			list = append(list, *p)
		}
	}
	return list, nil
}

// start runs a process and waits until it listens. conf is written where the arguments name it.
func (h *house) start(ctx context.Context, name, addr, secure string, args []string, conf string) (*proxy, error) {
	if conf != "" {
		last := len(args) - 1
		args[last] = filepath.Join(h.o.dir, args[last])
		if err := os.WriteFile(args[last], []byte(conf), 0o644); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+h.o.dir, "XDG_CONFIG_HOME="+h.o.dir)
	if !strings.HasSuffix(name, "all cores") {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1") // as nginx and HAProxy, which have one process
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := proxy{name: name, addr: addr, secure: secure, pid: cmd.Process.Pid, cmd: cmd}
	h.started = append(h.started, p)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			return &p, c.Close()
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("%s does not listen: %w", name, ctx.Err())
		}
	}
}

// close ends all processes and waits for them.
func (h *house) close() error {
	var errs []error
	for _, p := range h.started {
		if err := p.cmd.Process.Signal(stopSignal(p)); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
		}
		if err := p.cmd.Wait(); err != nil && !ended(err) {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	for _, held := range h.ports {
		errs = append(errs, held.Close())
	}
	h.started, h.ports = nil, nil
	return errors.Join(errs...)
}

// stopSignal is SIGINT for what is made here, and SIGTERM for the others.
func stopSignal(p proxy) os.Signal {
	switch p.name {
	case "backend", nginxAsShipped, nginxBuffered, "haproxy", "caddy":
		return syscall.SIGTERM
	}
	return syscall.SIGINT
}

// ended reports whether a process ended by the signal, or as it does after one.
func ended(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (!exit.Exited() || exit.ExitCode() == 143 || exit.ExitCode() == 130)
}

// addresses returns n loopback addresses that are the house's until it is closed.
func (h *house) addresses(n int) ([]string, error) {
	var list []string
	for range n {
		held, err := port.Hold()
		if err != nil {
			return nil, err
		}
		h.ports = append(h.ports, held)
		list = append(list, held.Address())
	}
	return list, nil
}
