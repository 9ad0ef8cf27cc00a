// Package logs owns the format of csph's log files: build logs and spherelet logs alike. A file is
// lines of "<unix microseconds> <stream> <text>\n", where a small letter for the stream says that the text begins with
// the step of a build that it is from; it is appended to by one writer, rotated by size,
// and read by any number of followers, which are woken by the file system and never poll. It also hides
// known secrets in what is about to be written.
// It refuses to know what is written, who reads, or how it is shown.
package logs

import "time"

// Stream says where a line came from.
type Stream byte

const (
	Out  Stream = 'O' // standard output
	Err  Stream = 'E' // standard error
	Step Stream = 'S' // csph's own account: steps of a build
	End  Stream = 'X' // the log is complete; followers stop here
	// Progress is what becomes of a build's steps, a platform.BuildProgress as JSON, for terminals that draw them.
	// Only a Query that asks for it yields it.
	Progress Stream = 'P'
)

// Line is one line of a log, without its newline.
type Line struct {
	Time   time.Time `json:"time"`
	Stream Stream    `json:"stream"`
	Text   string    `json:"text"`
	// Step is the id of the build's step that wrote the line, or that the line is about; empty for others. It has no
	// space in it.
	Step string `json:"step,omitempty"`
}
