package wire

// NewCommand is a command to run in a spherelet.
type NewCommand struct {
	Command   []string `json:"command" minItems:"1" maxItems:"1000" nullable:"false" doc:"Program and arguments; no shell is between"`
	Spherelet string   `json:"spherelet,omitempty" doc:"Id; default: any that runs"`
	Stdin     []byte   `json:"stdin,omitempty" doc:"What it reads, in base64; at most 512 kB"`
}

// NewRun is a command to run in a spherelet of its own.
type NewRun struct {
	Command []string `json:"command" minItems:"1" maxItems:"1000" nullable:"false" doc:"Program and arguments; no shell is between"`
}

// CommandOutput is a piece of what a command writes.
type CommandOutput struct {
	Stream string `json:"stream" enum:"out,err"`
	Data   []byte `json:"data" doc:"In base64"`
}

// CommandExit is how a command ended.
type CommandExit struct {
	Code int `json:"code" doc:"Its exit status"`
}

// Names of the events of the stream of a command.
const (
	MessageOutput = "output" // data: CommandOutput
	MessageExit   = "exit"   // data: CommandExit
)
