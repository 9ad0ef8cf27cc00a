package wire

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// maxPayload is what fits into one packet beside the channel number. sideband.Muxer itself would
// cut at four bytes more than pktline.Encoder takes.
const maxPayload = pktline.MaxPayloadSize - 1

// maxPartial is how much of an unfinished line is held back.
const maxPartial = 4096

// Terminal is the pushing person's terminal: what is written to it appears there as "remote:" lines.
// Lines are sent when they are complete. A client that knows no side-band-64k gets them on the SSH
// session's standard error instead. Safe for concurrent use; writes block while the client does not
// read, and fail once it has hung up.
type Terminal struct {
	multiplexed bool
	reports     bool

	mu      sync.Mutex // serialises packets
	out     *bufio.Writer
	mux     *sideband.Muxer
	errors  io.Writer
	partial []byte
	quiet   bool // nothing was sent since the last keep-alive
	ended   bool // the report was sent, and nothing may follow
}

// NewTerminal makes the terminal of a client with these capabilities: out is standard output of the
// session, errors its standard error.
func NewTerminal(client *capability.List, out, errors io.Writer) *Terminal {
	buffered := bufio.NewWriterSize(out, 4096)
	return &Terminal{
		multiplexed: client.Supports(capability.Sideband64k),
		reports:     client.Supports(capability.ReportStatus),
		out:         buffered,
		mux:         sideband.NewMuxer(sideband.Sideband64k, buffered),
		errors:      errors,
	}
}

// Write sends the complete lines of p and holds back the rest. A carriage return completes a line, too.
func (t *Terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return 0, io.ErrClosedPipe
	}
	t.partial = append(t.partial, p...)
	end := bytes.LastIndexAny(t.partial, "\r\n") + 1
	if len(t.partial)-end > maxPartial {
		end = len(t.partial)
	}
	if end == 0 {
		return len(p), nil
	}
	err := t.send(sideband.ProgressMessage, t.partial[:end])
	t.partial = append(t.partial[:0], t.partial[end:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Say writes one line.
func (t *Terminal) Say(format string, arguments ...any) {
	// A terminal that is gone shows in the session's context; there is nobody to tell.
	_, _ = io.WriteString(t, OneLine(fmt.Sprintf(format, arguments...))+"\n")
}

// Report ends the push with the report-status message (gitprotocol-pack(5), "Report Status"), for
// clients that asked for one, and the final flush.
func (t *Terminal) Report(status *packp.ReportStatus) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if len(t.partial) > 0 {
		if err := t.send(sideband.ProgressMessage, append(t.partial, '\n')); err != nil {
			return err
		}
		t.partial = nil
	}
	if t.reports {
		if err := t.sendReport(status); err != nil {
			return fmt.Errorf("send report: %w", err)
		}
	}
	if t.multiplexed {
		if _, err := t.out.Write(pktline.FlushPkt); err != nil {
			return fmt.Errorf("send flush: %w", err)
		}
	}
	return t.out.Flush()
}

func (t *Terminal) sendReport(status *packp.ReportStatus) error {
	var report bytes.Buffer
	if err := status.Encode(&report); err != nil {
		return err
	}
	if t.multiplexed {
		return t.send(sideband.PackData, report.Bytes())
	}
	if _, err := t.out.Write(report.Bytes()); err != nil {
		return err
	}
	return t.out.Flush()
}

// KeepAlive sends an empty packet, as git receive-pack does, whenever nothing was sent for a whole
// period, until ctx ends: so that nothing between client and server takes a quiet build for a dead connection.
func (t *Terminal) KeepAlive(ctx context.Context, period time.Duration) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for t.multiplexed {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if t.beat() != nil {
				return
			}
		}
	}
}

func (t *Terminal) beat() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || !t.quiet {
		t.quiet = true
		return nil
	}
	if err := pktline.NewEncoder(t.out).Encode(sideband.PackData.WithPayload(nil)); err != nil {
		return err
	}
	return t.out.Flush()
}

// send wants t.mu held.
func (t *Terminal) send(channel sideband.Channel, p []byte) error {
	t.quiet = false
	if !t.multiplexed {
		_, err := t.errors.Write(p)
		return err
	}
	for len(p) > 0 {
		n := min(len(p), maxPayload)
		if _, err := t.mux.WriteChannel(channel, p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return t.out.Flush()
}

// Printable replaces the control bytes of s, so that it is one line and moves no cursor.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// OneLine makes s fit into one line of a protocol or a terminal: printable, and cut beyond 1,000 bytes.
func OneLine(s string) string {
	s = strings.TrimSpace(Printable(s))
	if len(s) > 1000 {
		return strings.ToValidUTF8(s[:1000], "") + "…"
	}
	return s
}
