package router

import (
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// accessBuffer bounds the lines that wait to be written.
const accessBuffer = 2 << 20

// accessLine is the most that one line can take: every byte of the clipped fields escaped.
const accessLine = 16 << 10

// accessDelay is how long a line may wait for company, and accessMuch how many bytes wait at most so long.
const (
	accessDelay = 250 * time.Millisecond
	accessMuch  = 512 << 10
)

// AccessLog takes the access log. It is called by one goroutine at a time; while a call lasts, lines wait,
// and when too many do they are dropped and counted.
type AccessLog interface {
	// WriteAccess takes lines of one service, each a JSON object and a newline. Service is empty for
	// requests that belong to none. The lines must not be kept. An error loses them.
	WriteAccess(service string, lines []byte) error
}

// AccessTo is an AccessLog that writes the lines of all services to w.
func AccessTo(w io.Writer) AccessLog { return accessWriter{w} }

type accessWriter struct{ io.Writer }

func (a accessWriter) WriteAccess(_ string, lines []byte) error {
	_, err := a.Write(lines)
	return err
}

// accessLog collects lines and writes them from one goroutine, so that a slow disk slows nothing else.
type accessLog struct {
	out     AccessLog
	every   int
	delay   time.Duration // how long a line may wait for company
	seen    atomic.Uint64
	dropped atomic.Uint64

	mu      sync.Mutex
	waiting []byte
	runs    []accessRun // of waiting, in order
	stamp   [64]byte    // the time, formatted
	stampAt int64       // the millisecond of stamp
	stampN  int

	wake chan struct{} // a line waits
	much chan struct{} // accessMuch wait
	stop chan struct{}
	done chan struct{}
}

// accessRun is lines of one service that follow each other.
type accessRun struct {
	service string
	end     int // in waiting
	lines   uint64
}

// accessEntry is what a line tells of a request.
type accessEntry struct {
	start     time.Time
	took      time.Duration
	service   string
	client    []byte
	method    []byte
	host      []byte
	path      []byte
	agent     []byte
	requestID []byte
	target    []byte
	status    int
	in, out   int64
	proto     uint8
	secure    bool
}

func newAccessLog(out AccessLog, every int, delay time.Duration) *accessLog {
	l := &accessLog{
		out: out, every: every, delay: delay,
		wake: make(chan struct{}, 1), much: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// wants reports whether a request that ended so is to be logged, for a service that wants one in every.
func (l *accessLog) wants(status, every int) bool {
	if every == 0 {
		every = l.every
	}
	switch {
	case every < 0:
		return false
	case every <= 1 || status >= 500 || status == 0:
		return true
	}
	return l.seen.Add(1)%uint64(every) == 0
}

// add queues the line of a request, or drops it when too much waits.
func (l *accessLog) add(e *accessEntry) {
	l.mu.Lock()
	if len(l.waiting) > accessBuffer-accessLine {
		l.mu.Unlock()
		l.dropped.Add(1)
		return
	}
	before := len(l.waiting)
	l.line(e)
	l.note(e.service)
	after := len(l.waiting)
	l.mu.Unlock()
	if before == 0 {
		signal(l.wake)
	}
	if before < accessMuch && after >= accessMuch {
		signal(l.much)
	}
}

// signal has whoever waits for c, which has room for one, go on.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// note adds the last line to the runs. l.mu is held.
func (l *accessLog) note(service string) {
	if n := len(l.runs); n == 0 || l.runs[n-1].service != service {
		l.runs = append(l.runs, accessRun{service: service})
	}
	run := &l.runs[len(l.runs)-1]
	run.end = len(l.waiting)
	run.lines++
}

// line appends the line of e. l.mu is held.
func (l *accessLog) line(e *accessEntry) {
	b := append(l.waiting, `{"time":"`...)
	b = append(b, l.time(e.start.UnixMilli())...)
	b = append(b, `","service":`...)
	b = appendJSON(b, e.service)
	b = append(b, `,"client":"`...)
	b = append(b, e.client...)
	b = append(b, `","protocol":"`...)
	b = append(b, protocolName(e.proto)...)
	b = append(b, `","tls":`...)
	b = strconv.AppendBool(b, e.secure)
	b = append(b, `,"method":`...)
	b = appendJSON(b, clip(e.method, 32))
	b = append(b, `,"host":`...)
	b = appendJSON(b, clip(e.host, 253))
	b = append(b, `,"path":`...)
	b = appendJSON(b, clip(e.path, 1024))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(e.status), 10)
	b = append(b, `,"duration_us":`...)
	b = strconv.AppendInt(b, e.took.Microseconds(), 10)
	b = append(b, `,"bytes_in":`...)
	b = strconv.AppendInt(b, e.in, 10)
	b = append(b, `,"bytes_out":`...)
	b = strconv.AppendInt(b, e.out, 10)
	if len(e.target) > 0 {
		b = append(b, `,"target":"`...)
		b = append(b, e.target...)
		b = append(b, '"')
	}
	b = append(b, `,"request_id":`...)
	b = appendJSON(b, clip(e.requestID, 128))
	if len(e.agent) > 0 {
		b = append(b, `,"user_agent":`...)
		b = appendJSON(b, clip(e.agent, 256))
	}
	l.waiting = append(b, "}\n"...)
}

// time returns ms since the epoch in RFC 3339, formatted once for all lines of the same millisecond.
func (l *accessLog) time(ms int64) []byte {
	if ms != l.stampAt {
		l.stampAt = ms
		l.stampN = len(time.UnixMilli(ms).UTC().AppendFormat(l.stamp[:0], "2006-01-02T15:04:05.000Z07:00"))
	}
	return l.stamp[:l.stampN]
}

// run writes what waits, in turns of its delay or sooner when it is much, until close.
func (l *accessLog) run() {
	defer close(l.done)
	var spare []byte
	var runs []accessRun
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			l.write(spare, runs)
			return
		}
		select {
		case <-time.After(l.delay):
		case <-l.much:
		case <-l.stop:
		}
		spare, runs = l.write(spare, runs)
	}
}

// write writes what waits and leaves spare and its runs, emptied, to collect the next lines in.
func (l *accessLog) write(spare []byte, spareRuns []accessRun) ([]byte, []accessRun) {
	l.mu.Lock()
	full, runs := l.waiting, l.runs
	l.waiting, l.runs = spare[:0], spareRuns[:0]
	l.mu.Unlock()
	at := 0
	for _, run := range runs {
		if err := l.out.WriteAccess(run.service, full[at:run.end]); err != nil {
			l.dropped.Add(run.lines)
		}
		at = run.end
	}
	return full, runs
}

// close writes what is left and ends the goroutine.
func (l *accessLog) close() {
	close(l.stop)
	<-l.done
}

// appendJSON appends s as a JSON string; bytes that are not ASCII are taken for Latin-1.
func appendJSON[T string | []byte](out []byte, s T) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	plain := 0 // what comes from here to i is appended as it is
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[plain:i]...)
		plain = i + 1
		if c == '"' || c == '\\' {
			out = append(out, '\\', c)
		} else {
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	out = append(out, s[plain:]...)
	return append(out, '"')
}

func clip(b []byte, n int) []byte { return b[:min(len(b), n)] }
