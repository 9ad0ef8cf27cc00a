package router

import (
	"context"
	"errors"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// goAwayGrace is how long the first request of a connection may be on its way.
const goAwayGrace = 500 * time.Millisecond

// goAwayAnswer is how long a client has to say that it knows. A packet that was lost is sent again after a second
// where nothing is known of the way (RFC 6298 section 2.1), and most ways there and back take less than another.
const goAwayAnswer = 2 * time.Second

// departure is how a connection of HTTP/2 ends and no request of it is lost (RFC 9113 section 6.8). The client is
// told that no more are wanted by a GOAWAY that refuses none, and asked for a sign by a PING. When that is
// acknowledged, all that the client has sent before it knew has arrived and is served, and the GOAWAY that names
// the last of them may follow.
//
// The server of golang.org/x/net knows only that second GOAWAY, which by itself refuses what is on its way. So the
// first one is written past it, and it is made to say the second one as it does of itself when a client says
// GOAWAY: it reads one that the client has not sent.
type departure struct {
	out framePosition2 // of what is written; of gather.mu
	due bool           // the announcement waits for the end of a frame; of gather.mu

	in      framePosition2 // of what is read; it is the reader's, as are the next two
	final   []byte         // what is left to read of the client's GOAWAY
	resumed bool           // reading was interrupted, and goes on

	hurried atomic.Bool   // there is no more time to wait
	heard   chan struct{} // closed when the PING is acknowledged
	said    chan struct{} // closed when the client's GOAWAY is read
}

func (d *departure) init() {
	d.in.preface = len(http2.ClientPreface)
	d.heard, d.said = make(chan struct{}), make(chan struct{})
}

// departurePing is the payload of the PING.
func departurePing() [pingSize]byte { return [pingSize]byte{'d', 'e', 'p', 'a', 'r', 't', 'e', 'd'} }

// appendAnnouncement appends the GOAWAY that refuses no request, and the PING.
func appendAnnouncement(b []byte) []byte {
	b = append(b, 0, 0, 8, byte(http2.FrameGoAway), 0, 0, 0, 0, 0)
	b = append(b, math.MaxInt32>>24, 0xff, 0xff, 0xff, 0, 0, 0, byte(http2.ErrCodeNo))
	b = append(b, 0, 0, pingSize, byte(http2.FramePing), 0, 0, 0, 0, 0)
	ping := departurePing()
	return append(b, ping[:]...)
}

// clientGoAway is what a client sends that wants no pushed streams any more.
func clientGoAway() []byte {
	return []byte{0, 0, 8, byte(http2.FrameGoAway), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(http2.ErrCodeNo)}
}

// departWith has the connection depart once leaving has ended. endRequests waits for the requests in flight and lets
// none begin. The returned function must be called when the connection is over, and waits for what was begun.
func (g *gather) departWith(leaving context.Context, endRequests func()) (over func()) {
	since := time.Now()
	life, end := context.WithCancel(context.Background())
	var departing sync.WaitGroup
	departing.Add(1)
	stop := context.AfterFunc(leaving, func() {
		defer departing.Done()
		if g.depart(life, goAwayGrace-time.Since(since)) {
			return
		}
		endRequests()
		_ = g.Close()
	})
	return func() {
		end()
		if stop() {
			departing.Done()
		}
		departing.Wait()
	}
}

// depart leads the connection to its end, after a grace for its first request, and returns once the server says
// the second GOAWAY, or life ends. It reports false when the client has stopped in the middle of a frame.
func (g *gather) depart(life context.Context, grace time.Duration) bool {
	pause(life, nil, grace)
	g.announce()
	pause(life, g.heard, goAwayAnswer)
	if closed(g.heard) || life.Err() != nil {
		return true
	}
	g.hurried.Store(true)
	_ = g.SetReadDeadline(past)
	pause(life, g.said, goAwayQuiet)
	return closed(g.said) || life.Err() != nil
}

// announce writes the announcement as soon as the frame that is being written has ended. It does not block.
func (g *gather) announce() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = true
	g.announceBetween()
}

// announceBetween writes the announcement if it may stand here. A GOAWAY that was said already it must not take
// back. g.mu is held.
func (g *gather) announceBetween() {
	if !g.due || !g.out.between() {
		return
	}
	g.due = false
	if !g.out.away && g.err == nil && !g.closed {
		g.waiting = g.storage.append(g.waiting, appendAnnouncement(nil))
		g.change.Broadcast()
	}
}

// add adds p to what waits, and the announcement that is due to the first place in it. g.mu is held.
func (g *gather) add(p []byte) {
	for g.due && len(p) > 0 {
		n := g.out.step(p)
		g.waiting = g.storage.append(g.waiting, p[:n])
		g.announceBetween()
		p = p[n:]
	}
	g.out.advance(p)
	g.waiting = g.storage.append(g.waiting, p)
	g.change.Broadcast()
}

// Read reads what the client sends, and at the end of its departure one GOAWAY more.
func (g *gather) Read(p []byte) (int, error) {
	for {
		if n := g.readFinal(p); n > 0 {
			return n, nil
		}
		n, err := g.Conn.Read(p)
		g.follow(p[:n])
		if n > 0 || !g.interrupted(err) {
			return n, err
		}
	}
}

// readFinal reads the GOAWAY of the departure when it is time.
func (g *gather) readFinal(p []byte) int {
	if g.in.between() && (g.hurried.Load() || closed(g.heard)) && !closed(g.said) {
		g.final = clientGoAway()
		close(g.said)
	}
	n := copy(p, g.final)
	g.final = g.final[n:]
	return n
}

// follow looks at what was read.
func (g *gather) follow(p []byte) {
	for len(p) > 0 {
		p = p[g.in.step(p):]
		if g.in.acknowledges(departurePing()) && !closed(g.heard) {
			close(g.heard)
		}
	}
}

// interrupted reports whether reading has failed only because of the hurry, and goes on.
func (g *gather) interrupted(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !g.hurried.Load() || g.resumed {
		return false
	}
	g.resumed = true
	return g.SetReadDeadline(time.Time{}) == nil
}

// closed reports whether ch is closed.
func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
