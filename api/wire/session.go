package wire

// NewSession asks for a command in a spherelet, with what it reads and writes in both directions. It is the first message of the
// WebSocket, as JSON.
type NewSession struct {
	Command   []string     `json:"command"`
	Spherelet string       `json:"spherelet,omitempty"` // id; default: any that runs
	TTY       bool         `json:"tty,omitempty"`       // give it a terminal
	Term      string       `json:"term,omitempty"`      // its kind, as TERM says
	Size      TerminalSize `json:"size,omitzero"`
}

// TerminalSize is that of a terminal, in characters.
type TerminalSize struct {
	Width  uint32 `json:"width"`
	Height uint32 `json:"height"`
}

// Channels of a session: the first byte of each binary message.
const (
	SessionInput  byte = iota // client: what the command reads; empty: its end
	SessionSize               // client: TerminalSize as JSON
	SessionOutput             // server: what the command writes; empty: that the connection lives
	SessionErrors             // server: what it writes to standard error
	SessionExit               // server: CommandExit as JSON; the last message
	SessionFailed             // server: Problem as JSON; the last message
)

// SessionMax bounds a message of a session, in bytes.
const SessionMax = 256 << 10
