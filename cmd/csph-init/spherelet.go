package main

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"csph/platform"
)

// patience is how long the other processes have to end once one has.
const patience = 10 * time.Second

// spherelet is everything that this process has started.
type spherelet struct {
	*reaper
	signals chan os.Signal

	mu     sync.Mutex
	groups []int // process groups that run; named after their first process
	ending os.Signal
}

// forwarded are the signals that mean the app, not its init.
var forwarded = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH}

func newSpherelet() *spherelet {
	s := &spherelet{reaper: newReaper(), signals: make(chan os.Signal, 16)}
	signal.Notify(s.signals, forwarded...)
	go s.forward() // for as long as the process lives
	return s
}

// forward passes signals on to every process group.
func (s *spherelet) forward() {
	for sig := range s.signals {
		s.mu.Lock()
		if sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT {
			s.ending = sig
		}
		s.tell(sig.(syscall.Signal))
		s.mu.Unlock()
	}
}

// tell sends a signal to every group that runs. s.mu is held.
func (s *spherelet) tell(sig syscall.Signal) {
	for _, group := range s.groups {
		_ = syscall.Kill(-group, sig) // one that has just ended needs none
	}
}

// run starts everything and returns the spherelet's exit status when it has ended.
func (s *spherelet) run(launch platform.Launch) int {
	if launch.Replace != nil {
		replaceAll(*launch.Replace)
	}
	if status, ended := s.initialize(launch.Init, ""); ended {
		return status
	}
	ends := make(chan int, len(launch.Processes))
	for _, p := range launch.Processes {
		go func() { ends <- s.process(p) }()
	}
	status := 0
	for i := range launch.Processes {
		end := <-ends
		if i == 0 {
			status = end
			go s.endAll()
		}
	}
	return status
}

// process runs one process to its end.
func (s *spherelet) process(p platform.Process) int {
	if status, ended := s.initialize(p.Init, p.Dir); ended {
		return status
	}
	return s.command(p.Command, p.Dir)
}

// initialize runs commands one after the other. ended is true when a signal has ended the spherelet meanwhile.
func (s *spherelet) initialize(commands []string, dir string) (status int, ended bool) {
	for _, command := range commands {
		status := s.command(command, dir)
		if sig := s.ended(); sig != 0 {
			return 128 + int(sig), true
		}
		if status != 0 {
			say("the init command %q exited with status %d; the start goes on", command, status)
		}
	}
	return 0, false
}

func (s *spherelet) ended() syscall.Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending == nil {
		return 0
	}
	return s.ending.(syscall.Signal)
}

// command runs a command to its end and returns its exit code; 127 when it could not be started.
func (s *spherelet) command(command, dir string) int {
	s.mu.Lock()
	if s.ending != nil {
		defer s.mu.Unlock()
		return 128 + int(s.ending.(syscall.Signal))
	}
	pid, exit, err := s.start(command, dir)
	if err != nil {
		s.mu.Unlock()
		say("%v", err)
		return 127
	}
	s.groups = append(s.groups, pid)
	s.mu.Unlock()
	status := <-exit
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = slices.DeleteFunc(s.groups, func(group int) bool { return group == pid })
	return status
}

// endAll ends what still runs.
func (s *spherelet) endAll() {
	s.mu.Lock()
	if s.ending == nil {
		s.ending = syscall.SIGTERM
		s.tell(syscall.SIGTERM)
	}
	s.mu.Unlock()
	time.Sleep(patience) // the process itself ends sooner, when its processes do
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(syscall.SIGKILL)
}
