package udp

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	yieldTimeout = time.Second            // for the reader to notice that it is to stop
	wantTimeout  = 100 * time.Millisecond // for a successor to ask for the socket, which it does before it serves
	willTimeout  = time.Second            // for reading what was left: it is there before the successor starts
)

// will is what a process leaves beside the files. The first file is the socket, the second a link to the
// process itself, and then come links to older generations, in their order here.
type will struct {
	Address    string       `json:"address"`
	Generation generation   `json:"generation"`
	TokenKey   []byte       `json:"token_key"` // what clients have proved of their addresses stays proved
	Older      []generation `json:"older"`
}

// Listen opens the UDP port of address. Where a process before this one has left it, it is taken over, to be
// read once that one yields. Files left for another address are closed; it does not block for long.
//
// Packets of connections that no process has any more, as after one was killed, are answered by a stateless reset
// (RFC 9000 section 10.3), so that clients learn of it at once, and not by waiting. Clients believe it where reset is
// the key that the process had that made the connection. Who knows it can end connections: it is a secret. Nil:
// nothing is reset.
func Listen(address string, left []*os.File, reset *quic.StatelessResetKey) (*Port, error) {
	if len(left) > 0 {
		p, err := inherit(address, left, reset)
		if p != nil || err != nil {
			return p, err
		}
	}
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, err
	}
	var key quic.TokenGeneratorKey
	if _, err := rand.Read(key[:]); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return newPort(conn.(*net.UDPConn), address, 0, key, reset), nil
}

// inherit returns nil where the files are of another address. It closes them.
func inherit(address string, left []*os.File, reset *quic.StatelessResetKey) (p *Port, err error) {
	defer Discard(left)
	if len(left) < 2 {
		return nil, fmt.Errorf("inherit a UDP port: %d files are too few", len(left))
	}
	links := make([]*link, 0, len(left))
	defer func() {
		if p == nil {
			closeLinks(links)
		}
	}()
	for _, file := range left[1:] {
		l, err := linkOf(file)
		if err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	w, err := readWill(links)
	if err != nil || w.Address != address {
		return nil, err
	}
	return w.execute(left[0], links, reset)
}

func readWill(links []*link) (w will, err error) {
	text, err := links[0].hear(kindWill, willTimeout)
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	if err != nil {
		return w, fmt.Errorf("inherit a UDP port: %w", err)
	}
	if len(w.Older) != len(links)-1 || len(w.TokenKey) != len(quic.TokenGeneratorKey{}) {
		return w, errors.New("inherit a UDP port: what was left does not fit together")
	}
	return w, nil
}

// execute makes the port, and asks for the socket.
func (w will) execute(socket *os.File, links []*link, reset *quic.StatelessResetKey) (*Port, error) {
	conn, err := net.FilePacketConn(socket)
	if err != nil {
		return nil, fmt.Errorf("inherit a UDP port: %w", err)
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("inherit a UDP port: it is a %T", conn), conn.Close())
	}
	older := map[generation]*link{w.Generation: links[0]}
	for i, g := range w.Older {
		older[g] = links[i+1]
	}
	p := newPort(udp, w.Address, w.next(older), quic.TokenGeneratorKey(w.TokenKey), reset)
	p.older.Store(&older)
	p.before, p.source = links[0], fromNobody
	_ = p.before.say(kindWant, nil) // who is not there any more is noticed by the reader
	return p, nil
}

// next is the generation after w's.
func (w will) next(older map[generation]*link) generation {
	g := w.Generation + 1
	for older[g] != nil {
		g++
	}
	return g
}

// Discard closes files that somebody else was left.
func Discard(left []*os.File) {
	for _, file := range left {
		_ = file.Close()
	}
}

func closeLinks(links []*link) {
	for _, l := range links {
		_ = l.close()
	}
}

// Bequeath returns the files that a successor is started with, in this order, and that the caller closes after
// that. Only the last successor can take the port; none has to.
func (p *Port) Bequeath() ([]*os.File, error) {
	ours, theirs, err := newLink()
	if err != nil {
		return nil, err
	}
	files, w, err := p.leave(theirs)
	if err == nil {
		var text []byte
		if text, err = json.Marshal(w); err == nil {
			err = errors.Join(ours.say(kindWill, text), p.setHeir(ours))
		}
	}
	if err != nil {
		Discard(files)
		return nil, errors.Join(fmt.Errorf("leave the UDP port to a successor: %w", err), ours.close())
	}
	return files, nil
}

// leave returns all files and what they are; mine is the link to this process.
func (p *Port) leave(mine *os.File) ([]*os.File, will, error) {
	w := will{Address: p.address, Generation: p.self, TokenKey: p.key[:]}
	raw, err := p.SyscallConn()
	if err != nil {
		return []*os.File{mine}, w, err
	}
	socket, err := duplicate(raw)
	if err != nil {
		return []*os.File{mine}, w, err
	}
	files := []*os.File{socket, mine}
	for g, l := range *p.older.Load() {
		if l.ended() {
			continue
		}
		if file, err := l.file(); err == nil { // it may have ended by now
			files, w.Older = append(files, file), append(w.Older, g)
		}
	}
	return files, w, nil
}

// setHeir makes l the link to the last successor.
func (p *Port) setHeir(l *link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.yielded {
		return net.ErrClosed
	}
	if p.heir != nil {
		_ = p.heir.close() // of a successor that did not come
	}
	p.heir = l
	return nil
}

// Yield stops the reading of the socket if a successor has asked for it, and has it go on there; connections
// go on with what that one forwards. Without a successor nothing changes, and it reports false. It blocks until
// the reader has stopped.
func (p *Port) Yield() bool {
	p.mu.Lock()
	if p.closed || p.ending || p.yielding != nil {
		p.mu.Unlock()
		return false
	}
	heeded := make(chan struct{})
	p.yielding = heeded
	_ = p.UDPConn.SetReadDeadline(past)
	p.mu.Unlock()
	timer := time.NewTimer(yieldTimeout)
	defer timer.Stop()
	select {
	case <-heeded:
	case <-timer.C: // nobody reads
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.yielded
}

// handOver is the reader's part of Yield.
func (p *Port) handOver(heeded chan struct{}) error {
	defer close(heeded)
	p.mu.Lock()
	heir := p.heir
	p.mu.Unlock()
	if heir != nil && heir.wants() && heir.say(kindYours, nil) == nil {
		p.source = fromHeir
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return os.ErrDeadlineExceeded
	}
	p.yielding, p.yielded = nil, p.source == fromHeir
	return p.UDPConn.SetReadDeadline(time.Time{})
}

// wants reports whether the successor has asked for the socket.
func (l *link) wants() bool {
	_, err := l.hear(kindWant, wantTimeout)
	return err == nil
}
