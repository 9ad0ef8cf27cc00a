package transcript

import (
	"context"
	"errors"
	"fmt"
	"time"

	"csph/logs"
	"csph/platform"
)

// patience bounds the silence in which the last event of a deployment that has settled already is
// waited for, and the rest of a build log once the deployment is past its build. Both are normally
// there at once; a server that was killed between two writes can leave either out.
const patience = 2 * time.Second

// merger tells the two streams of one deployment in order: what happens after the build waits until
// the log of the build has been told.
type merger struct {
	*teller
	events <-chan item[platform.Event]
	open   func() <-chan item[logs.Line]

	log     <-chan item[logs.Line] // the build log, once opened
	lines   <-chan item[logs.Line] // log while it is being told, else nil
	held    []platform.Event       // what came after the build while its log was still being told
	settled bool
	hurried bool // past the build, or settled: after patience of silence no more of the log, or no more at all, is waited for
	giveUp  <-chan time.Time
}

// merge blocks until d has settled and its log has been told.
func merge(ctx context.Context, src Source, d platform.Deployment, t *teller) error {
	defer t.closeScreen()
	ctx, cancel := context.WithCancel(ctx)
	events := pump(ctx, src.DeploymentEvents(ctx, d.ID, 0))
	m := &merger{teller: t, events: events, hurried: d.Status.Settled(), open: func() <-chan item[logs.Line] {
		return pump(ctx, src.BuildLog(ctx, d.ID))
	}}
	err := m.run(ctx)
	cancel()
	drain(events)
	drain(m.log)
	return err
}

func (m *merger) run(ctx context.Context) error {
	for !m.settled || m.lines != nil {
		if m.err != nil {
			return fmt.Errorf("write transcript: %w", m.err)
		}
		if m.hurried && (m.lines != nil || m.deployment.Status.Settled()) {
			m.giveUp = time.After(patience)
		}
		select {
		case e, ok := <-m.events:
			if err := m.event(e, ok); err != nil {
				return err
			}
		case l, ok := <-m.lines:
			if err := m.logLine(l, ok); err != nil {
				return err
			}
		case <-m.giveUp:
			m.closeLog()
			m.settled = m.settled || m.deployment.Status.Settled()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (m *merger) event(e item[platform.Event], ok bool) error {
	switch {
	case !ok && m.settled:
		m.events = nil
		return nil
	case !ok:
		return ErrCut
	case e.err != nil:
		return fmt.Errorf("read events: %w", e.err)
	}
	m.take(e.value)
	return nil
}

// take tells e, or holds it back while the build log is being told.
func (m *merger) take(e platform.Event) {
	if startsLog(e) && m.log == nil {
		m.log = m.open()
		m.lines = m.log
	}
	if m.lines == nil || startsLog(e) {
		m.tell(e)
	} else {
		m.held = append(m.held, e)
	}
	m.hurried = m.hurried || pastBuild(e)
	m.settled = m.settled || e.Settles()
}

func (m *merger) logLine(l item[logs.Line], ok bool) error {
	switch {
	case !ok || l.value.Stream == logs.End || errors.Is(l.err, platform.ErrNotFound):
		m.closeLog()
	case l.err != nil:
		return fmt.Errorf("read build log: %w", l.err)
	default:
		m.tellBefore(l.value.Time)
		m.buildLine(l.value)
	}
	return nil
}

// tellBefore tells what was held back and came before t: the end of the build comes before what the release
// command prints into the same log.
func (m *merger) tellBefore(t time.Time) {
	for len(m.held) > 0 && m.held[0].Time.Before(t) {
		m.tell(m.held[0])
		m.held = m.held[1:]
	}
}

// closeLog leaves the build log and tells what was held back for it.
func (m *merger) closeLog() {
	m.lines = nil
	m.closeScreen()
	for _, e := range m.held {
		m.tell(e)
	}
	m.held = nil
}

// startsLog reports whether e says that the deployment has a build log.
func startsLog(e platform.Event) bool {
	return e.Kind == platform.EventPullingImage || e.Kind == platform.EventBuild && e.Status == "RUNNING"
}

// pastBuild reports whether e can only come once the build log is complete.
func pastBuild(e platform.Event) bool {
	return e.Settles() || e.Kind == platform.EventStarting
}
