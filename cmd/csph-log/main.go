// Command csph-log is the logger that containerd's shim starts beside every spherelet (a "binary://" log
// URI). It reads the spherelet's output from file descriptors 3 and 4 and appends it, a line at a time, to
// DIR/<container id>.log in the format of package logs. Its arguments are pairs: dir DIR, max BYTES, keep N, and
// hide FILE, where texts are that the log may not have, with a zero byte between them: it reads them once, at its start,
// and writes *** in their place, however the spherelet cuts its output into pieces. In which texts a secret shows is for
// csphd to say: there is one csph-log beside every spherelet, and it stays small.
//
// It never makes the spherelet wait for a disk: what the disk does not take in time is dropped, counted,
// and told in the log once it takes lines again. It reads to the end of both streams whatever signals come,
// so that a spherelet's last words are kept.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"csph/logs"
)

// File descriptors that the shim hands over.
const (
	stdoutFD = 3
	stderrFD = 4
	readyFD  = 5
)

func main() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if err := run(os.Args[1:], os.Getenv("CONTAINER_ID")); err != nil {
		fmt.Fprintln(os.Stderr, "csph-log:", err)
		os.Exit(1)
	}
}

func run(args []string, container string) error {
	path, hide, opts, err := parse(args, container)
	if err != nil {
		return err
	}
	mask, err := readMask(hide)
	if err != nil {
		return err
	}
	stdout, stderr := os.NewFile(stdoutFD, "stdout"), os.NewFile(stderrFD, "stderr")
	if err := openToAll(stdout, stderr); err != nil {
		return err
	}
	ready := os.NewFile(readyFD, "ready")
	if _, err := ready.Write([]byte{0}); err != nil {
		return fmt.Errorf("tell the shim that reading begins: %w", err)
	}
	if err := ready.Close(); err != nil {
		return fmt.Errorf("tell the shim that reading begins: %w", err)
	}
	record(path, opts, hiding(stdout, mask), hiding(stderr, mask))
	return nil
}

// openToAll lets the spherelet's processes open /dev/stdout and /dev/stderr by name, whoever they run as: the
// pipes belong to the host's root, who is nobody in the spherelet's user namespace. Who may get at them at all
// is decided by /proc, which shows them to the spherelet's own processes only.
func openToAll(pipes ...*os.File) error {
	for _, p := range pipes {
		if err := p.Chmod(0o666); err != nil {
			return fmt.Errorf("open %s to the spherelet's users: %w", p.Name(), err)
		}
	}
	return nil
}

// record copies both streams into the log at path and returns when both have ended and all is written.
func record(path string, opts logs.Options, stdout, stderr io.Reader) {
	q := newQueue(queueBytes, patience)
	var readers sync.WaitGroup
	readers.Go(func() { intake(stdout, logs.Out, q) })
	readers.Go(func() { intake(stderr, logs.Err, q) })
	go func() {
		readers.Wait()
		q.close()
	}()
	s := &sink{path: path, opts: opts}
	for batch, lost, ok := q.pop(); ok; batch, lost, ok = q.pop() {
		s.write(batch, lost)
	}
	s.close()
}

func parse(args []string, container string) (path, hide string, opts logs.Options, err error) {
	var dir string
	if len(args)%2 != 0 || container == "" || container != filepath.Base(container) {
		return "", "", opts, errors.New("usage: CONTAINER_ID=ID csph-log dir DIR max BYTES keep N [hide FILE]")
	}
	for i := 0; i < len(args); i += 2 {
		switch name, value := args[i], args[i+1]; name {
		case "dir":
			dir = value
		case "hide":
			hide = value
		case "max":
			opts.MaxBytes, err = strconv.ParseInt(value, 10, 64)
		case "keep":
			opts.Keep, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("there is no argument %q", name)
		}
		if err != nil {
			return "", "", opts, fmt.Errorf("read argument %s: %w", args[i], err)
		}
	}
	if !filepath.IsAbs(dir) || opts.MaxBytes < 0 || opts.Keep < 0 {
		return "", "", opts, errors.New("dir must be an absolute path, max and keep not negative")
	}
	return filepath.Join(dir, container+".log"), hide, opts, nil
}
