package deploy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"csph/platform"
)

// outOfMemory says that a new spherelet was killed for memory, and names the next shape.
func (d *Deployer) outOfMemory(dep platform.Deployment) error {
	shape, _ := platform.ShapeNamed(dep.Config.Shape)
	hint := fmt.Sprintf("%s is the largest shape: make the app use less memory.", shape.Name)
	if next, ok := platform.Larger(shape.Name); ok {
		hint = fmt.Sprintf("Step up to %s (%d MB): csph services scale %s --shape %s", next.Name, next.Memory>>20, dep.Name, next.Name)
	}
	return &platform.Failure{
		Reason:  platform.OutOfMemory,
		Message: fmt.Sprintf("a new spherelet was killed for using more than the %d MB of shape %s", shape.Memory>>20, shape.Name),
		Hint:    hint, Tail: d.tail(dep),
	}
}

// crashed says how a new spherelet keeps ending.
func (d *Deployer) crashed(dep platform.Deployment, l look) error {
	hint := "csph logs --deployment " + dep.ID + " shows the whole log."
	if len(dep.Image.Command) > 0 && l.lastExit.Code == 127 {
		hint = "The start command was not found in the image; set another with --run or a Procfile."
	}
	return &platform.Failure{
		Reason:  platform.StartFailed,
		Message: fmt.Sprintf("a new spherelet ended %d times before it was ready: it %s", l.exits, exitText(*l.lastExit)),
		Hint:    hint, Tail: d.tail(dep),
	}
}

// unhealthy says what the check of a new spherelet saw last.
func (d *Deployer) unhealthy(dep platform.Deployment, last string) error {
	question, check := fmt.Sprintf("GET /healthz on port %d", dep.Port()), dep.Readiness()
	if check != nil {
		question = fmt.Sprintf("GET %s on port %d", check.Path, cmp.Or(check.Port, dep.Port()))
	}
	if check != nil && check.Exec != "" {
		question = fmt.Sprintf("the command %q", check.Exec)
	}
	return &platform.Failure{
		Reason:  platform.HealthCheckFailed,
		Message: fmt.Sprintf("the new spherelets did not pass their check (%s) within %s: %s", question, failureTimeout(check), last),
		Hint:    fmt.Sprintf("Let the app listen on 0.0.0.0 and $PORT (%d), or change the check: csph services set-health %s", dep.Port(), dep.Name),
		Tail:    d.tail(dep),
	}
}

func (d *Deployer) tail(dep platform.Deployment) []string {
	lines, err := d.Engine.Tail(dep.ID, tailLines)
	if err != nil {
		d.Logger.Warn("log of a failed deployment cannot be read", "deployment", dep.ID, "err", err)
	}
	return lines
}

// tailLog is a build log that remembers its last lines.
type tailLog struct {
	BuildLog
	mu    sync.Mutex
	lines []string
}

func (t *tailLog) Line(text string) {
	t.BuildLog.Line(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, strings.TrimRight(text, "\r\n"))
	if over := len(t.lines) - tailLines; over > 0 {
		t.lines = slices.Delete(t.lines, 0, over)
	}
}

func (t *tailLog) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.lines)
}
