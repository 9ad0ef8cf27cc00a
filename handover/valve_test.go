package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestAShutValveLetsConnectionsWait(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := NewValve(ln)
	server := &http.Server{Handler: answering("served")}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(v) }()
	defer server.Close()
	if said, err := ask(ln.Addr().String()); err != nil || said != "served" {
		t.Fatalf("open: %q, %v", said, err)
	}
	if err := v.Shut(); err != nil {
		t.Fatal(err)
	}
	if err := v.Empty(within(t)); err != nil {
		t.Errorf("its connection stays open: %v", err)
	}
	answered := make(chan string, 1)
	go func() {
		said, err := ask(ln.Addr().String())
		answered <- fmt.Sprint(said, err)
	}()
	select {
	case said := <-answered:
		t.Fatalf("shut, it lets a connection in: %s", said)
	case <-time.After(50 * time.Millisecond):
	}
	if err := v.Open(); err != nil {
		t.Fatal(err)
	}
	if said := <-answered; said != "served<nil>" {
		t.Errorf("once open: %s", said)
	}
	if err := errors.Join(v.Shut(), v.Close()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-within(t).Done():
		t.Error("Accept does not see that the valve was closed")
	}
}

func TestAValveKnowsItsOpenConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := NewValve(ln)
	defer v.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := v.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := v.Empty(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with one open: %v", err)
	}
	_, _ = conn.Close(), conn.Close() // twice must not count twice
	if err := v.Empty(within(t)); err != nil {
		t.Error(err)
	}
}
