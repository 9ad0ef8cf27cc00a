package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	witnessRole = "witness"
	// witnessPeriod is how long a witness sleeps at a time, and witnessLate how much longer it may take.
	witnessPeriod, witnessLate = time.Millisecond, 2 * time.Millisecond
	// witnessPriority is ahead of all that csphd, apps and builds can have.
	witnessPriority = 80
)

// stall is a time in which a processor ran not even what has realtime priority: the machine was held up from outside,
// as a virtual one is by its host, or by its kernel. No fence between programs can help that.
type stall struct{ Began, Ended time.Time }

func (s stall) meets(began, ended time.Time) bool {
	return s.Began.Before(ended) && began.Before(s.Ended)
}

// witness tells the machine's stalls from delays that a program made. It is a process of its own, so that nothing
// that goes on in the measuring one delays it.
type witness struct {
	cmd    *exec.Cmd
	stalls bytes.Buffer
}

func startWitness(ctx context.Context) (*witness, error) {
	w := &witness{cmd: exec.CommandContext(ctx, "/proc/self/exe", witnessRole)}
	w.cmd.Stdout, w.cmd.Stderr = &w.stalls, os.Stderr
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a witness of the machine's stalls: %w", err)
	}
	return w, nil
}

// end ends the witness and returns what it saw. Call it once.
func (w *witness) end() ([]stall, error) {
	err := w.cmd.Process.Signal(os.Interrupt)
	err = errors.Join(err, w.cmd.Wait())
	var all []stall
	if err == nil {
		err = json.Unmarshal(w.stalls.Bytes(), &all)
	}
	if err != nil {
		return nil, fmt.Errorf("hear a witness of the machine's stalls: %w", err)
	}
	return all, nil
}

// bearWitness is what the process of a witness does until it is interrupted.
func bearWitness() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("ask for the processors: %w", err)
	}
	runtime.GOMAXPROCS(allowed.Count() + 1)
	seen, failed := make([][]stall, len(allowed)*64), make([]error, len(allowed)*64)
	var watching sync.WaitGroup
	for cpu := range seen {
		if allowed.IsSet(cpu) {
			watching.Go(func() { seen[cpu], failed[cpu] = watchProcessor(ctx, cpu) })
		}
	}
	watching.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(slices.Concat(seen...))
}

// watchProcessor sleeps on one processor again and again, and notes when it is woken late.
func watchProcessor(ctx context.Context, cpu int) ([]stall, error) {
	runtime.LockOSThread() // for good: the thread ends with its goroutine
	var only unix.CPUSet
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return nil, fmt.Errorf("stay on processor %d: %w", cpu, err)
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: witnessPriority}, 0); err != nil {
		return nil, fmt.Errorf("take realtime priority: %w", err)
	}
	nap := unix.NsecToTimespec(int64(witnessPeriod))
	stalls := []stall{}
	for last := time.Now(); ctx.Err() == nil; {
		if err := unix.Nanosleep(&nap, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("sleep: %w", err)
		}
		now := time.Now()
		if now.Sub(last) > witnessPeriod+witnessLate {
			stalls = append(stalls, stall{last, now})
		}
		last = now
	}
	return stalls, nil
}
