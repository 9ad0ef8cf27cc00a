package builder

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"csph/logs"
	"csph/platform"
)

// Log is a build log being written. It is safe for concurrent use.
type Log struct {
	deployment string
	owner      *openLogs
	*openLog
}

// Step writes a line of csph's own account.
func (l *Log) Step(text string) { l.append(logs.Step, text) }

// Line writes a line of output.
func (l *Log) Line(text string) { l.append(logs.Out, text) }

// hide masks secrets in every line that is written from now on, whoever writes it.
func (l *Log) hide(m *logs.Mask) { l.mask.Store(m) }

// append loses a line that cannot be written: a full disk must fail the build by itself, not by its log.
func (l *Log) append(s logs.Stream, text string) { l.appendOf("", s, text) }

// appendOf is append for a line of a step.
func (l *Log) appendOf(step string, s logs.Stream, text string) {
	_ = l.w.AppendOf(step, s, l.mask.Load().Text(text))
}

// These bound a line of progress: even where JSON makes six characters of one it is no longer than a line may be.
const (
	stepsAtOnce = 8
	stepText    = 400 // bytes
)

// progress writes what has become of steps, for terminals that draw them; it loses it as append does.
func (l *Log) progress(p platform.BuildProgress) {
	mask := l.mask.Load()
	p = p.Texts(func(text string) string {
		text = mask.Text(text)
		return text[:min(len(text), stepText)]
	})
	for len(p.Steps)+len(p.Parts) > 0 {
		n, m := min(len(p.Steps), stepsAtOnce), min(len(p.Parts), stepsAtOnce)
		text, err := json.Marshal(platform.BuildProgress{Steps: p.Steps[:n], Parts: p.Parts[:m]})
		if err != nil {
			return
		}
		_ = l.w.AppendLines(logs.Line{Time: time.Now(), Stream: logs.Progress, Text: string(text)})
		p.Steps, p.Parts = p.Steps[n:], p.Parts[m:]
	}
}

// Close gives the log back. The last one to do so ends it for followers.
func (l *Log) Close() error { return l.owner.release(l.deployment) }

// openLogs are the logs being written: one writer a deployment, however many write to it.
type openLogs struct {
	path func(deployment string) string

	mu   sync.Mutex
	open map[string]*openLog
}

type openLog struct {
	w    *logs.Writer
	mask atomic.Pointer[logs.Mask]
	uses int
}

func newOpenLogs(path func(string) string) *openLogs {
	return &openLogs{path: path, open: map[string]*openLog{}}
}

func (o *openLogs) acquire(deployment string) (*Log, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l, ok := o.open[deployment]
	if !ok {
		w, err := logs.Create(o.path(deployment), logs.Options{})
		if err != nil {
			return nil, fmt.Errorf("open the build log: %w", err)
		}
		l = &openLog{w: w}
		o.open[deployment] = l
	}
	l.uses++
	return &Log{deployment: deployment, owner: o, openLog: l}, nil
}

func (o *openLogs) release(deployment string) error {
	o.mu.Lock()
	l, ok := o.open[deployment]
	last := false
	if ok {
		l.uses--
		if last = l.uses == 0; last {
			delete(o.open, deployment)
		}
	}
	o.mu.Unlock()
	if !last {
		return nil
	}
	if err := l.w.End(); err != nil {
		return fmt.Errorf("end the build log: %w", err)
	}
	return nil
}

// Log opens the deployment's build log for writing what is not the build's own account. Build writes
// to the same log; it ends when everyone who opened it has closed it.
func (b *Builder) Log(deployment string) (*Log, error) {
	if !identifier.MatchString(deployment) {
		return nil, fmt.Errorf("open the build log: deployment id %q is not one", deployment)
	}
	return b.logs.acquire(deployment)
}
