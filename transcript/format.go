package transcript

import (
	"fmt"
	"io"
	"strings"
	"time"

	"csph/logs"
)

// Format is how a transcript looks. The zero value is plain text, 100 columns wide.
type Format struct {
	Colour bool // SGR colours, for terminals only
	Width  int  // columns, at least 40; 0 means 100
	// Screen begins to draw the steps of a build, and nil leaves them to lines. It needs a Source whose build logs
	// have the stream logs.Progress.
	Screen func() Screen
}

// Screen draws the steps of a build as they go. It belongs to one goroutine.
type Screen interface {
	// Show takes a line of progress, or one that is of a step.
	Show(l logs.Line)
	// Close draws the steps as they are in the end. What is written afterwards stands below them.
	Close()
}

// DefaultWidth is the widest line of a transcript, in columns.
const DefaultWidth = 100

// maxRows bounds how many rows one line of output may take before the rest of it is left out: a
// minified file printed by a build does not flood the terminal.
const maxRows = 8

func (f Format) filled() Format {
	if f.Width == 0 {
		f.Width = DefaultWidth
	}
	f.Width = max(f.Width, 40)
	return f
}

// style is how a line stands out on a terminal: the parameters of its SGR sequence (ECMA-48 8.3.117).
type style string

const (
	plain style = ""
	bold  style = "1"
	dim   style = "2"
	good  style = "32"
	warn  style = "33"
	bad   style = "31"
)

// gutter is the width of the time column and what follows it.
const gutter = 10

// at writes text behind the time since the deployment was asked for.
func (t *teller) at(when time.Time, s style, text string) {
	since := max(when.Sub(t.deployment.Created), 0)
	t.rows(fmt.Sprintf("%*s  ", gutter-2, seconds(since)), s, text)
}

// detail writes text indented under the line before it.
func (t *teller) detail(text string) { t.rows(strings.Repeat(" ", gutter+2), plain, text) }

// quote writes a line of log that shows why something failed.
func (t *teller) quote(text string) { t.rows("  | ", dim, text) }

// margin writes text, which may be of several lines, from the left margin on.
func (t *teller) margin(s style, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		t.rows("", s, line)
	}
}

func (t *teller) blank() { t.write("\n") }

// rows writes text after prefix, wrapped, with later rows indented as far as the prefix is wide.
func (t *teller) rows(prefix string, s style, text string) {
	rows := wrap(Harmless(text), t.format.Width-len(prefix))
	for i, row := range rows {
		if i == 1 {
			prefix = strings.Repeat(" ", len(prefix))
		}
		if t.format.Colour && s != plain && row != "" {
			row = "\x1b[" + string(s) + "m" + row + "\x1b[0m"
		}
		t.write(strings.TrimRight(prefix+row, " ") + "\n")
	}
}

func (t *teller) write(text string) {
	t.closeScreen()
	if t.err == nil {
		_, t.err = io.WriteString(t.w, text)
	}
}

// wrap cuts text into rows of at most width runes, at spaces where there are some.
func wrap(text string, width int) []string {
	var rows []string
	rest := []rune(text)
	for len(rest) > width {
		if len(rows) == maxRows-1 {
			return append(rows, fmt.Sprintf("[%d more characters]", len(rest)))
		}
		cut, next := breakAt(rest, width)
		rows = append(rows, string(rest[:cut]))
		rest = rest[next:]
	}
	return append(rows, string(rest))
}

// breakAt returns where a row of at most width runes ends, and where the next one begins.
func breakAt(text []rune, width int) (cut, next int) {
	for i := width; i > width/2; i-- {
		if text[i] == ' ' {
			return i, i + 1
		}
	}
	return width, width
}
