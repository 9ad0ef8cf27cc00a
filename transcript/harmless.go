package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tabWidth is what a tab becomes, whatever column it stands in.
const tabWidth = 4

// Harmless returns one line of foreign output as text that a terminal can only display. Escape
// sequences (ECMA-48 5.4: CSI, and the strings of OSC, DCS, APC, PM, SOS) are taken out; of text
// that was overwritten by carriage returns the last state is kept, as a terminal would show it;
// other control, bidirectional and invisible format characters become U+FFFD; invalid UTF-8 too.
func Harmless(line string) string {
	line = overwritten(line)
	var b strings.Builder
	b.Grow(len(line))
	for i := 0; i < len(line); {
		if n := escape(line[i:]); n > 0 {
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		i += size
		switch {
		case r == '\t':
			b.WriteString(strings.Repeat(" ", tabWidth))
		case dangerous(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// overwritten returns what is left of a line in which carriage returns went back to its start.
func overwritten(line string) string {
	line = strings.TrimRight(line, "\r\n")
	return line[strings.LastIndexByte(line, '\r')+1:]
}

// dangerous reports whether a terminal would do something else than show r: Unicode categories Cc,
// Cf (bidirectional overrides, zero-width and tag characters; the joiners of scripts and emoji are
// let through), Zl and Zp.
func dangerous(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	switch {
	case r == zeroWidthNonJoiner || r == zeroWidthJoiner:
		return false
	case r == '\u2028' || r == '\u2029':
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf)
}

// escape returns the length of the escape sequence that s starts with, 0 when it starts with none.
// A sequence that is cut off by the end of the line is taken whole.
func escape(s string) int {
	if s[0] != 0x1b {
		return 0
	}
	if len(s) == 1 {
		return 1
	}
	switch s[1] {
	case '[':
		return 2 + control(s[2:])
	case ']', 'P', 'X', '^', '_':
		return 2 + controlString(s[2:])
	}
	return 1 + short7(s[1:])
}

// control measures parameters, intermediates and the final byte of a CSI sequence.
func control(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x7e:
			return i
		}
	}
	return len(s)
}

// controlString measures a string up to its terminator: BEL, or ESC backslash.
func controlString(s string) int {
	for i := range len(s) {
		if s[i] == 0x07 {
			return i + 1
		}
		if s[i] == 0x1b {
			if i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			return i
		}
	}
	return len(s)
}

// short7 measures what follows ESC in the other sequences: intermediates, then one final byte.
func short7(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x20 && c <= 0x2f:
		case c >= 0x30 && c <= 0x7e:
			return i + 1
		default:
			return i
		}
	}
	return len(s)
}
