package logs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// MaxText is the most text, in bytes, that one line of a file holds. Append splits longer text.
const MaxText = 64 << 10

// maxLine bounds a whole line: the time, the stream, the step, the spaces, the text, the newline.
const maxLine = MaxText + 64

// appendLine encodes l at the end of b. Newlines in the text would start a new line, so they become spaces.
func appendLine(b []byte, l Line) []byte {
	b = strconv.AppendInt(b, l.Time.UnixMicro(), 10)
	if l.Step == "" {
		b = append(b, ' ', byte(l.Stream), ' ')
	} else {
		b = append(b, ' ', byte(l.Stream)-'A'+'a', ' ')
		b = append(append(b, l.Step...), ' ')
	}
	at := len(b)
	b = append(b, l.Text...)
	for i := at; i < len(b); i++ {
		if b[i] == '\n' {
			b[i] = ' '
		}
	}
	return append(b, '\n')
}

// parseLine decodes one line, given without its newline; false when it is not one, as after a crash or
// when something else wrote into the file.
func parseLine(b []byte) (Line, bool) {
	stamp, rest, ok := bytes.Cut(b, []byte{' '})
	if !ok || len(rest) < 2 || rest[1] != ' ' || len(stamp) > 19 {
		return Line{}, false
	}
	micros, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil || micros < 0 {
		return Line{}, false
	}
	l := Line{Time: time.UnixMicro(micros), Stream: Stream(rest[0]), Text: string(rest[2:])}
	if l.Stream >= 'a' {
		l.Stream -= 'a' - 'A'
		if l.Step, l.Text, ok = strings.Cut(l.Text, " "); !ok || l.Step == "" {
			return Line{}, false
		}
	}
	switch l.Stream {
	case Out, Err, Step, End, Progress:
		return l, true
	}
	return Line{}, false
}

// split cuts text at newlines, and lines longer than MaxText further. One newline at the end is dropped;
// an empty text is one empty line.
func split(text string) []string {
	var lines []string
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		for len(l) > MaxText {
			lines = append(lines, l[:MaxText])
			l = l[MaxText:]
		}
		lines = append(lines, l)
	}
	return lines
}
