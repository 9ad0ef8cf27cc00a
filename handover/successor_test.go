package handover

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// role tells a copy of the test, started as a successor, how to behave.
const role = "HANDOVER_TEST_ROLE"

func TestMain(m *testing.M) {
	if r := os.Getenv(role); r != "" {
		if err := succeed(r); err != nil {
			fmt.Fprintln(os.Stderr, "successor:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// succeed is a successor, to the end of the process before it.
func succeed(role string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := Inherit()
	if err != nil {
		return err
	}
	if role == "refuse" {
		return errors.Join(p.Failed(ctx, errors.New("the configuration is bad")), errors.New("refused"))
	}
	if err := p.Prepared(ctx, "v2"); err != nil {
		return err
	}
	if role == "die" {
		return errors.New("died")
	}
	if err := readLegacy(p.Files); err != nil {
		return err
	}
	ln, err := p.Sockets.Listen("web", os.Getenv("HANDOVER_TEST_ADDRESS"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: answering("new")}
	go func() { _ = server.Serve(ln) }()
	if memory, err := p.Memory(ctx); err != nil || string(memory) != `{"secret":7}` {
		return fmt.Errorf("remembered %s: %w", memory, err)
	}
	if err := p.Serving(ctx); err != nil {
		return err
	}
	if err := p.Route(ctx, map[string]int{"version": 7}); err != nil {
		return err
	}
	cut, err := p.Drain(ctx, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:80")}, time.Minute)
	if err != nil || cut != 3 {
		return fmt.Errorf("drain: %d, %w", cut, err)
	}
	for err == nil { // until the test lets go
		_, err = p.DrainStreams(ctx, nil)
	}
	return server.Shutdown(ctx)
}

// readLegacy expects the files that a house leaves: each holds its place among them.
func readLegacy(files []*os.File) error {
	if len(files) != 2 {
		return fmt.Errorf("%d files were left, want 2", len(files))
	}
	for i, file := range files {
		b := make([]byte, 1)
		if _, err := file.ReadAt(b, 0); err != nil || string(b) != fmt.Sprint(i) {
			return fmt.Errorf("file %d holds %q: %w", i, b, err)
		}
		if flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			return fmt.Errorf("file %d would be inherited by any process: %w", i, err)
		}
	}
	return nil
}
