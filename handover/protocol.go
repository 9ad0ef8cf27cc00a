package handover

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// variable names the environment variable that tells a process what it inherits, as JSON.
const variable = "CSPHD_HANDOVER"

// estate is what a successor inherits: descriptors by number.
type estate struct {
	Conn    int      `json:"conn"`
	Lock    int      `json:"lock"`
	Sockets []socket `json:"sockets"`
}

// fileName is the name of all of Offer.Files. They are passed on as sockets, since those that a csphd does not
// know, it closes.
const fileName = "file"

type socket struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	FD      int    `json:"fd"`
}

// Names of the calls that a successor makes.
const (
	service          = "Handover"
	callPrepared     = service + ".Prepared"
	callMemory       = service + ".Memory"
	callServing      = service + ".Serving"
	callFailed       = service + ".Failed"
	callRoute        = service + ".Route"
	callDrain        = service + ".Drain"
	callDrainStreams = service + ".DrainStreams"
)

// DrainOrder asks for targets to be drained. It is exported because net/rpc wants it so.
type DrainOrder struct {
	Targets  []netip.AddrPort `json:"targets"`
	Deadline time.Duration    `json:"deadline"`
}

// connPair returns both ends of a stream, one of them as a file to be inherited.
func connPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "successor")
	ours := os.NewFile(uintptr(fds[0]), "predecessor")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	return conn, theirs, nil
}

func (e estate) encode() (string, error) {
	b, err := json.Marshal(e)
	return variable + "=" + string(b), err
}
