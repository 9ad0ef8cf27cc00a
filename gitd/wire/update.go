package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Update is what a client asks of receive-pack before it sends the pack (gitprotocol-pack(5),
// "Reference Update Request").
type Update struct {
	Commands     []packp.Command
	Capabilities *capability.List
	Shallow      []plumbing.Hash // the client's own shallow boundary
	Options      []string
}

// Bounds of an update request.
const (
	maxCommands     = 100_000
	maxShallow      = 100_000
	maxOptions      = 256
	maxRequestBytes = 16 << 20
)

// ErrMalformed says that a client does not speak the protocol; what follows is not to be read.
var ErrMalformed = errors.New("malformed update request")

// ReadUpdate reads an update request up to, and not beyond, its last flush packet: the pack follows.
// A client that has nothing to say sends one flush, or hangs up: no commands, and no error.
//
// packp's own decoder is not used because it takes one shallow line only, ignores what follows a
// space in a reference name, and accepts any number of commands.
func ReadUpdate(r io.Reader) (*Update, error) {
	d := &updateReader{lines: pktline.NewScanner(r), update: &Update{Capabilities: capability.NewList()}}
	if err := d.readCommands(); err != nil {
		return nil, err
	}
	if len(d.update.Commands) == 0 || !d.update.Capabilities.Supports(capability.PushOptions) {
		return d.update, nil
	}
	if err := d.readOptions(); err != nil {
		return nil, err
	}
	return d.update, nil
}

// NeedsPack reports whether a pack follows the request: always, except after nothing but deletions.
func (u *Update) NeedsPack() bool {
	for _, c := range u.Commands {
		if !c.New.IsZero() {
			return true
		}
	}
	return false
}

type updateReader struct {
	lines  *pktline.Scanner
	update *Update
	read   int
}

// next returns the next line; nil for a flush packet.
func (d *updateReader) next() ([]byte, error) {
	if !d.lines.Scan() {
		if err := d.lines.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		return nil, io.EOF
	}
	line := d.lines.Bytes()
	if d.read += len(line) + 4; d.read > maxRequestBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxRequestBytes)
	}
	if len(line) == 0 {
		return nil, nil
	}
	return line, nil
}

func (d *updateReader) readCommands() error {
	for {
		line, err := d.next()
		if errors.Is(err, io.EOF) && d.read == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: it ends before its flush packet", ErrMalformed)
		}
		if err != nil {
			return err
		}
		if line == nil {
			return nil
		}
		if err := d.takeLine(line); err != nil {
			return err
		}
	}
}

func (d *updateReader) takeLine(line []byte) error {
	u := d.update
	if id, ok := bytes.CutPrefix(line, []byte("shallow ")); ok && len(u.Commands) == 0 {
		hash, err := parseHash(bytes.TrimSuffix(id, []byte("\n")))
		if err != nil || len(u.Shallow) == maxShallow {
			return fmt.Errorf("%w: shallow line", ErrMalformed)
		}
		u.Shallow = append(u.Shallow, hash)
		return nil
	}
	if len(u.Commands) == 0 {
		command, capabilities, _ := bytes.Cut(line, []byte{0})
		if err := u.Capabilities.Decode(bytes.TrimSuffix(capabilities, []byte("\n"))); err != nil {
			return fmt.Errorf("%w: capabilities: %w", ErrMalformed, err)
		}
		line = command
	}
	if len(u.Commands) == maxCommands {
		return fmt.Errorf("%w: more than %d references", ErrMalformed, maxCommands)
	}
	command, err := parseUpdateCommand(bytes.TrimSuffix(line, []byte("\n")))
	if err != nil {
		return err
	}
	u.Commands = append(u.Commands, command)
	return nil
}

// parseUpdateCommand reads "<old> <new> <name>"; the name is all of the rest, and is judged by CheckRefName.
func parseUpdateCommand(line []byte) (packp.Command, error) {
	const hash = 40
	if len(line) < 2*hash+3 || line[hash] != ' ' || line[2*hash+1] != ' ' || bytes.IndexByte(line, 0) >= 0 {
		return packp.Command{}, fmt.Errorf("%w: command", ErrMalformed)
	}
	from, err := parseHash(line[:hash])
	if err != nil {
		return packp.Command{}, err
	}
	to, err := parseHash(line[hash+1 : 2*hash+1])
	if err != nil {
		return packp.Command{}, err
	}
	return packp.Command{Name: plumbing.ReferenceName(line[2*hash+2:]), Old: from, New: to}, nil
}

func parseHash(b []byte) (plumbing.Hash, error) {
	var h plumbing.Hash
	if len(b) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("%w: object name", ErrMalformed)
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return h, fmt.Errorf("%w: object name", ErrMalformed)
	}
	return h, nil
}

func (d *updateReader) readOptions() error {
	for {
		line, err := d.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: push options end before their flush packet", ErrMalformed)
		}
		if err != nil {
			return err
		}
		if line == nil {
			return nil
		}
		if len(d.update.Options) == maxOptions {
			return fmt.Errorf("%w: more than %d push options", ErrMalformed, maxOptions)
		}
		d.update.Options = append(d.update.Options, string(bytes.TrimSuffix(line, []byte("\n"))))
	}
}
