package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper starts processes and is the only one that waits for children: process 1 is the parent of all orphans, too.
type reaper struct {
	children chan os.Signal

	mu      sync.Mutex
	waiting map[int]chan int // exit code, by process
}

func newReaper() *reaper {
	r := &reaper{children: make(chan os.Signal, 16), waiting: map[int]chan int{}}
	signal.Notify(r.children, syscall.SIGCHLD)
	go r.reap() // for as long as the process lives
	return r
}

// start runs command by a shell in dir ("" for the present one), in a process group of its own. The channel gets
// its exit code, 128 and the signal's number where a signal ended it.
func (r *reaper) start(command, dir string) (pid int, exit <-chan int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock() // the process must be known before it can be reaped
	p, err := os.StartProcess("/bin/sh", []string{"/bin/sh", "-c", command}, &os.ProcAttr{
		Dir: dir, Env: os.Environ(), Files: []*os.File{nil, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		if _, missing := os.Stat(dir); dir != "" && missing != nil {
			err = missing // the error of the start names the shell
		}
		return 0, nil, fmt.Errorf("start %q: %w", command, err)
	}
	ended := make(chan int, 1)
	r.waiting[p.Pid] = ended
	return p.Pid, ended, nil
}

func (r *reaper) reap() {
	for range r.children {
		for r.reapOne() {
		}
	}
}

// reapOne takes the status of one child that has ended; false when there is none.
func (r *reaper) reapOne() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if ended, ok := r.waiting[pid]; ok {
		delete(r.waiting, pid)
		ended <- code(status)
	}
	return true
}

func code(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
