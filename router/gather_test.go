package router

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"
)

// gathered returns both ends of a connection of TLS, its handshake done: what the server writes is gathered.
func gathered(t *testing.T, timeout time.Duration) (*gather, *tls.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	own, theirs := tls.Server(server, testTLS(t)), tls.Client(client, &tls.Config{InsecureSkipVerify: true})
	t.Cleanup(func() { _ = client.Close() })
	shaken := make(chan error, 1)
	go func() { shaken <- own.Handshake() }()
	if err := theirs.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	g := newGather(own, newStorage(), timeout)
	t.Cleanup(func() { _ = g.Close() })
	return g, theirs
}

func TestGatheredWritesArriveInOrderAlthoughTheConnectionIsClosedAtOnce(t *testing.T) {
	g, client := gathered(t, patience)
	var sent bytes.Buffer
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(client)
		got <- b
	}()
	for i := range 200 {
		piece := bytes.Repeat([]byte{byte(i)}, 1+i*i)
		sent.Write(piece)
		if _, err := g.Write(piece); err != nil {
			t.Fatal(err)
		}
		clear(piece) // it was taken
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if b := <-got; !bytes.Equal(b, sent.Bytes()) {
		t.Errorf("%d bytes arrived of %d", len(b), sent.Len())
	}
	if _, err := g.Write([]byte("late")); err == nil {
		t.Error("a write after the end is taken")
	}
}

func TestAGatheredWriterIsToldThatItsClientHasStalled(t *testing.T) {
	g, _ := gathered(t, 50*time.Millisecond)
	piece := make([]byte, bulkStorage)
	began := time.Now()
	for {
		if _, err := g.Write(piece); err != nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatal("everything is taken")
		}
	}
}

func TestAGatheredConnectionWithAStalledClientIsClosedInTime(t *testing.T) {
	g, _ := gathered(t, patience)
	piece := make([]byte, bulkStorage)
	go func() {
		for {
			if _, err := g.Write(piece); err != nil {
				return
			}
		}
	}()
	eventually(t, "a writer waits", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting) == bulkStorage
	})
	began := time.Now()
	_ = g.Close()
	if took := time.Since(began); took > patience/2 {
		t.Errorf("closing took %v", took)
	}
}
