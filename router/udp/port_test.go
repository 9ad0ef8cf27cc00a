package udp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// process is what has a Port: it answers each stream with its name and what it was sent.
type process struct {
	name string
	port *Port
	tr   *quic.Transport

	accepted chan *quic.Conn // its first connection
}

func start(t *testing.T, name, address string, left []*os.File) *process {
	t.Helper()
	port, err := Listen(address, left, testResets())
	if err != nil {
		t.Fatal(err)
	}
	p := &process{name: name, port: port, tr: port.Transport(), accepted: make(chan *quic.Conn, 1)}
	ln, err := p.tr.Listen(serverTLS(t), &quic.Config{MaxIdleTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			select {
			case p.accepted <- conn:
			default:
			}
			go p.serve(conn)
		}
	}()
	t.Cleanup(p.stop)
	return p
}

// testResets is the key that all processes of a test have.
func testResets() *quic.StatelessResetKey { return &quic.StatelessResetKey{1, 2, 3} }

func (p *process) serve(conn *quic.Conn) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		_, _ = io.WriteString(stream, p.name+":")
		_, _ = io.Copy(stream, stream)
		_ = stream.Close()
	}
}

func (p *process) stop() {
	_ = p.tr.Close()
	_ = p.port.Close()
}

// leave returns what a successor of p is started with.
func (p *process) leave(t *testing.T) []*os.File {
	t.Helper()
	left, err := p.port.Bequeath()
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"test"}}
}

func dial(t *testing.T, p *process) *quic.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := quic.DialAddr(ctx, p.port.LocalAddr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	return conn
}

// ask sends 100 kB on a new stream, and checks who sends them back.
func ask(t *testing.T, conn *quic.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.SetDeadline(time.Now().Add(patience))
	go func() {
		_, _ = stream.Write(make([]byte, 100_000))
		_ = stream.Close()
	}()
	got, err := io.ReadAll(stream)
	if err != nil || len(got) != len(want)+1+100_000 || string(got[:len(want)]) != want {
		t.Fatalf("%d bytes of %.10q, want those of %s: %v", len(got), got, want, err)
	}
}

func TestConnectionsStayWithTheirProcessWhileThePortGoesFromOneToTheNext(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	ofA := dial(t, a)
	ask(t, ofA, "a")
	b := start(t, "b", a.port.address, a.leave(t))
	ask(t, dial(t, a), "a") // b has asked for the socket, and must wait
	a.port.Yield()
	ask(t, ofA, "a")
	ofB := dial(t, b)
	ask(t, ofB, "b")

	c := start(t, "c", a.port.address, b.leave(t))
	b.port.Yield()
	ofC := dial(t, c)
	for range 3 {
		ask(t, ofA, "a")
		ask(t, ofB, "b")
		ask(t, ofC, "c")
	}
	if n := len(*c.port.older.Load()); n != 2 {
		t.Errorf("c forwards to %d processes, want 2", n)
	}
	b.stop() // before a does
	ask(t, ofA, "a")
	ask(t, ofC, "c")
	a.stop()
	ask(t, ofC, "c")
	if files := c.leave(t); len(files) != 2 {
		t.Errorf("c leaves %d files, want its own two", len(files))
	} else {
		Discard(files)
	}
}

func TestAPortThatNobodyTakesIsReadOn(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	conn := dial(t, a)
	if a.port.Yield() {
		t.Error("it yielded to nobody")
	}
	ask(t, conn, "a")

	files := a.leave(t) // to one that does not serve HTTP/3
	Discard(files)
	a.port.Yield()
	ask(t, conn, "a")

	b := start(t, "b", a.port.address, a.leave(t)) // to one that fails before it serves
	b.stop()
	a.port.Yield()
	ask(t, conn, "a")
	ask(t, dial(t, a), "a")
}

func TestAPortIsReadAgainOnceItsSuccessorHasDied(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	conn := dial(t, a)
	b := start(t, "b", a.port.address, a.leave(t))
	a.port.Yield()
	ask(t, conn, "a")
	b.stop()
	ask(t, conn, "a")
}

func TestASuccessorReadsThePortOnceTheOneBeforeHasDied(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	b := start(t, "b", a.port.address, a.leave(t))
	a.stop()
	ask(t, dial(t, b), "b")
}

func TestASuccessorOfAnotherAddressOpensAPortOfItsOwn(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	b := start(t, "b", "localhost:0", a.leave(t))
	a.port.Yield()
	ask(t, dial(t, a), "a")
	ask(t, dial(t, b), "b")
}

func TestASuccessorSendsManyPacketsWithOneCallWhereThatIsPossible(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	b := start(t, "b", a.port.address, a.leave(t))
	a.port.Yield()
	plain := dial(t, b).ConnectionState().GSO // by quic-go over a socket of its own
	if got := (<-b.accepted).ConnectionState().GSO; got != plain {
		t.Errorf("with GSO: %t, want %t", got, plain)
	}
}

func TestASuccessorKnowsTheAddressesThatThoseBeforeHaveValidated(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	b := start(t, "b", a.port.address, a.leave(t))
	if b.port.self == a.port.self || b.port.key != a.port.key || b.port.key == (quic.TokenGeneratorKey{}) {
		t.Errorf("generations %d and %d, same key: %t", a.port.self, b.port.self, a.port.key == b.port.key)
	}
}

func TestWhatWasLeftAndDoesNotFitIsRefused(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	left := a.leave(t)
	if p, err := Listen(a.port.address, left[:1], nil); err == nil {
		_ = p.Close()
		t.Error("a socket without a link was taken over")
	}
	if p, err := Listen(a.port.address, []*os.File{left[1], left[1]}, nil); err == nil {
		_ = p.Close()
		t.Error("a link was taken for a socket")
	}
	Discard(left)
}

// kill ends p as SIGKILL does: its sockets close, and nothing more is said on them.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.port.UDPConn.Close(); err != nil {
		t.Fatal(err)
	}
	if p.port.heir != nil {
		if err := p.port.heir.close(); err != nil {
			t.Fatal(err)
		}
	}
	<-(<-p.accepted).Context().Done()
}

// awaitReset sends on conn until it ends, which must be soon and because of a stateless reset.
func awaitReset(t *testing.T, conn *quic.Conn) {
	t.Helper()
	began := time.Now()
	stream, err := conn.OpenStream()
	if err == nil {
		_, err = stream.Write(make([]byte, 1000))
	}
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		t.Fatal("the client is not told")
	}
	var reset *quic.StatelessResetError
	if err := context.Cause(conn.Context()); !errors.As(err, &reset) {
		t.Errorf("the connection ends with %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the client was told after %v", took)
	}
}

func TestClientsOfAKilledProcessAreToldByTheNextOne(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	conn, address := dial(t, a), a.port.LocalAddr().String()
	ask(t, conn, "a")
	a.kill(t)
	b := start(t, "b", address, nil)
	awaitReset(t, conn)
	ask(t, dial(t, b), "b")
}

func TestClientsOfAProcessThatWasKilledAfterItsPortWentOnAreTold(t *testing.T) {
	a := start(t, "a", "127.0.0.1:0", nil)
	conn := dial(t, a)
	b := start(t, "b", a.port.address, a.leave(t))
	a.port.Yield()
	ask(t, conn, "a") // b has not reset it
	a.kill(t)
	awaitReset(t, conn)
	ask(t, dial(t, b), "b")
}
