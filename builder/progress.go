package builder

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"csph/logs"
)

const (
	tailLines = 20      // that a failure shows
	keptLines = 300     // of each stream of a step, to find the cause in: some tools print pages of usage after it
	keptText  = 2 << 10 // bytes of each
)

// progress turns BuildKit's status into the build log: a line where a step begins, its output as it
// comes, a line with its time where it ends. It belongs to one goroutine until done.
type progress struct {
	log   *Log
	mask  *logs.Mask
	steps map[digest.Digest]*stepProgress
	begun []*stepProgress // in order
	lines int             // of output so far
	spoke bool            // since reassure was called last
}

type stepProgress struct {
	id        string
	name      string
	begun     bool
	since     time.Time
	ended     bool
	succeeded bool
	masked    [2]*logs.MaskedStream
	partial   [2][]byte       // output without its newline yet: stdout, stderr
	last      [2][]outputLine // at most keptLines each
}

type outputLine struct {
	number int // in the order of arrival
	text   string
}

func newProgress(log *Log) *progress {
	return &progress{log: log, steps: map[digest.Digest]*stepProgress{}}
}

// follow reads ch until BuildKit closes it.
func (p *progress) follow(ch <-chan *client.SolveStatus) {
	tick := time.NewTicker(quietFor)
	defer tick.Stop()
	for open := true; open; {
		select {
		case status, more := <-ch:
			if open = more; more {
				p.take(status)
			}
		case now := <-tick.C:
			p.reassure(now)
		}
	}
	for _, s := range p.steps {
		p.flush(s)
	}
}

func (p *progress) take(status *client.SolveStatus) {
	p.log.progress(progressOf(status))
	for _, v := range status.Vertexes {
		p.vertex(v)
	}
	for _, l := range status.Logs {
		p.output(l)
	}
}

func (p *progress) step(d digest.Digest) *stepProgress {
	s, ok := p.steps[d]
	if !ok {
		s = &stepProgress{id: stepID(d), masked: [2]*logs.MaskedStream{p.mask.Stream(), p.mask.Stream()}}
		p.steps[d] = s
	}
	return s
}

func (p *progress) vertex(v *client.Vertex) {
	s := p.step(v.Digest)
	s.name = v.Name
	if v.Started == nil || s.ended {
		return
	}
	switch {
	case v.Cached && v.Completed != nil:
		s.ended, s.succeeded = true, true
		p.end(s, "cached")
	case v.Completed != nil:
		s.ended, s.succeeded = true, v.Error == ""
		p.flush(s)
		if s.succeeded {
			p.end(s, seconds(v.Completed.Sub(*v.Started)))
		}
	case !s.begun:
		s.begun, s.since = true, *v.Started
		p.begun = append(p.begun, s)
		if worthBeginning(s.name) {
			p.log.appendOf(s.id, logs.Step, s.name)
		}
	}
}

func (p *progress) end(s *stepProgress, how string) {
	p.spoke = true
	if !internalStep(s.name) {
		p.log.appendOf(s.id, logs.Step, s.name+"  "+how)
	}
}

func (p *progress) output(l *client.VertexLog) {
	s := p.step(l.Vertex)
	i := 0
	if l.Stream == 2 {
		i = 1
	}
	p.text(s, i, s.masked[i].Next(l.Data))
}

// text takes masked output and writes what of it is whole lines.
func (p *progress) text(s *stepProgress, i int, masked []byte) {
	data := append(s.partial[i], masked...)
	for {
		line, rest, found := bytes.Cut(data, []byte{'\n'})
		if !found {
			break
		}
		p.line(s, i, line)
		data = rest
	}
	s.partial[i] = bytes.Clone(data)
}

func (p *progress) flush(s *stepProgress) {
	for i := range s.partial {
		p.text(s, i, s.masked[i].End())
		if len(s.partial[i]) > 0 {
			p.line(s, i, s.partial[i])
			s.partial[i] = nil
		}
	}
}

// streams are the names in the log of BuildKit's streams 1 and 2.
var streams = [2]logs.Stream{logs.Out, logs.Err}

func (p *progress) line(s *stepProgress, i int, line []byte) {
	text := strings.TrimSuffix(string(line), "\r")
	p.log.appendOf(s.id, streams[i], text)
	p.lines++
	p.spoke = true
	s.keep(i, outputLine{p.lines, text[:min(len(text), keptText)]})
}

func (s *stepProgress) keep(i int, line outputLine) {
	s.last[i] = append(s.last[i], line)
	if len(s.last[i]) > keptLines {
		s.last[i] = s.last[i][1:]
	}
}

// output is what is kept of a step's output, in order of arrival; none of a nil step.
func (s *stepProgress) output() []string {
	if s == nil {
		return nil
	}
	return inOrder(s.last[0], s.last[1])
}

// tail is the end of a step's output, at most tailLines, in order of arrival. The two streams overtake each other
// on their way, so that each has a half for itself where both have much to say.
func (s *stepProgress) tail() []string {
	if s == nil {
		return nil
	}
	out, errs := s.last[0], s.last[1]
	if drop := len(out) + len(errs) - tailLines; drop > 0 {
		fromOut := min(drop, max(0, len(out)-tailLines/2))
		out, errs = out[fromOut:], errs[drop-fromOut:]
	}
	return inOrder(out, errs)
}

func inOrder(streams ...[]outputLine) []string {
	lines := slices.Concat(streams...)
	slices.SortFunc(lines, func(a, b outputLine) int { return cmp.Compare(a.number, b.number) })
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return texts
}

// unfinished is the step that began last of those that have not succeeded; nil when there is none.
func (p *progress) unfinished() *stepProgress {
	for _, s := range slices.Backward(p.begun) {
		if !s.succeeded {
			return s
		}
	}
	return nil
}

// internalStep reports BuildKit's own housekeeping, which tells users nothing.
func internalStep(name string) bool {
	return name == "" || strings.HasPrefix(name, "[internal]") || strings.HasPrefix(name, "base image ") ||
		strings.HasPrefix(name, "resolve image config")
}

// worthBeginning reports whether a step takes long enough to be announced.
func worthBeginning(name string) bool {
	return !internalStep(name) && name != exportStep && name != "upload source" && !strings.HasPrefix(name, "copy ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
