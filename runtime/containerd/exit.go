package containerd

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	"github.com/containerd/errdefs"
	"github.com/containerd/typeurl/v2"

	"csph/platform"
)

// killed is the exit code of a process that ended by SIGKILL.
const killed = 128 + 9

// unknownCode stands for the exit code of a process that was not started, or that ended unseen.
const unknownCode = -1

// oomMemory is how long after the kernel killed a child for memory its parent's end counts as caused by it.
const oomMemory = 10 * time.Second

// followOOMs notes when the kernel killed something of a spherelet for memory, until ctx ends.
func (e *Engine) followOOMs(ctx context.Context) {
	for wait := 20 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, time.Second) {
		events, errs := e.ctrd.Subscribe(ctx, `topic=="/tasks/oom",namespace==`+Namespace)
		for open := true; open; {
			select {
			case env := <-events:
				v, err := typeurl.UnmarshalAny(env.Event)
				if oom, ok := v.(*apievents.TaskOOM); ok && err == nil {
					e.noteOOM(oom.ContainerID)
					wait = 20 * time.Millisecond
				}
			case <-errs:
				open = false
			}
		}
		pause(ctx, wait)
	}
}

// noteOOM remembers an event until forgetOOM. The namespace holds containers of others, too.
func (e *Engine) noteOOM(id string) {
	if !strings.HasPrefix(id, platform.SphereletPrefix+"_") {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ooms[id] = time.Now()
}

func (e *Engine) forgetOOM(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.ooms, id)
}

// wasOOM tells, between the end of the process and the deletion of its task, whether memory was the cause.
// The kernel's own count in the cgroup is the evidence: it is there even if the event came while csphd or
// containerd was away. A child that was killed counts if the process ended soon after.
func (j *job) wasOOM(ctx context.Context, code int) bool {
	u, err := j.e.inst.AppCgroup(j.id).Usage()
	if err == nil && u.OOMKills == 0 || code == 0 {
		return false
	}
	if err == nil && code == killed {
		return true
	}
	for range 20 { // the event travels apart from the exit; it comes within milliseconds
		j.e.mu.Lock()
		at, seen := j.e.ooms[j.id]
		j.e.mu.Unlock()
		if seen {
			return time.Since(at) < oomMemory
		}
		if !pause(ctx, 10*time.Millisecond) {
			break
		}
	}
	return false
}

// saveExits writes the count of exits and the last one on the container.
func (m *member) saveExits(ctx context.Context) error {
	b, err := json.Marshal(m.lastExit)
	if err != nil {
		return fmt.Errorf("encode the last exit: %w", err)
	}
	c, err := m.e.ctrd.LoadContainer(ctx, m.id)
	if errdefs.IsNotFound(err) {
		return nil // it could not even be made
	}
	if err != nil {
		return fmt.Errorf("look for container %s: %w", m.id, err)
	}
	_, err = c.SetLabels(ctx, map[string]string{labelExits: strconv.Itoa(m.exits), labelLastExit: string(b)})
	if err != nil {
		return fmt.Errorf("label container %s: %w", m.id, err)
	}
	return nil
}

// loadExits takes over what saveExits has written.
func (m *member) loadExits(labels map[string]string) {
	n, err := strconv.Atoi(labels[labelExits])
	var last platform.Exit
	if err == nil && json.Unmarshal([]byte(labels[labelLastExit]), &last) == nil {
		m.exits, m.lastExit = n, &last
	}
}

var (
	notInImage = regexp.MustCompile(`exec: "([^"]*)": (executable file not found in \$PATH|stat [^:]*: no such file or directory)`)
	noPermit   = regexp.MustCompile(`exec: "([^"]*)": (permission denied|is a directory)`)
	runcCause  = regexp.MustCompile(`(?s)(?:unable to start container process|OCI runtime create failed|OCI runtime exec failed): (.*)$`)
)

// explain turns an error of the runtime into a sentence for the user.
func explain(err error) string {
	text := strings.TrimSpace(err.Error())
	if m := notInImage.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("the command %s was not found in the image", m[1])
	}
	if m := noPermit.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("the command %s in the image cannot be executed: %s", m[1], m[2])
	}
	if m := runcCause.FindStringSubmatch(text); m != nil {
		text = strings.TrimSpace(m[1])
	}
	if strings.Contains(text, "no command specified") || strings.Contains(text, "args must not be empty") {
		return "the image does not say what to run; give a start command"
	}
	return text
}
