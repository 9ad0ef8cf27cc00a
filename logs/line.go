package logs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// MaxText is the most text, in bytes, that one line of a file holds. Append splits longer text.
const MaxText = 64 << 10

// maxLine bounds a whole line: the time, the stream, two spaces, the text, the newline.
const maxLine = MaxText + 32

// appendLine encodes l at the end of b. Newlines in the text would start a new line, so they become spaces.
func appendLine(b []byte, l Line) []byte {
	b = strconv.AppendInt(b, l.Time.UnixMicro(), 10)
	b = append(b, ' ', byte(l.Stream), ' ')
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
	switch s := Stream(rest[0]); s {
	case Out, Err, Step, End:
		return Line{Time: time.UnixMicro(micros), Stream: s, Text: string(rest[2:])}, true
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
