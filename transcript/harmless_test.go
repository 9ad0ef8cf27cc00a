package transcript

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOutputOfAppsCannotDriveATerminal(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "Grüße, 世界 👩‍💻", "Grüße, 世界 👩‍💻"},
		{"colours", "\x1b[1;31mred\x1b[0m", "red"},
		{"cursor moves", "a\x1b[2Kb\x1b[10;10Hc", "abc"},
		{"window title, BEL", "a\x1b]0;title\x07b", "ab"},
		{"window title, ST", "a\x1b]0;title\x1b\\b", "ab"},
		{"clipboard left open", "a\x1b]52;c;ZXZpbA==", "a"},
		{"device control string", "a\x1bP1$r0m\x1b\\b", "ab"},
		{"charset and reset", "a\x1b(0b\x1bcd", "abd"},
		{"lone escape", "a\x1b", "a"},
		{"escape, then text of another alphabet", "\x1bé", "é"},
		{"eight-bit CSI", "a\u009b31mb", "a\ufffd31mb"},
		{"bell and backspace", "a\a\bb", "a\ufffd\ufffdb"},
		{"carriage return", "10%\r50%\r100%\r", "100%"},
		{"tab", "a\tb", "a    b"},
		{"right-to-left override", "a\u202eb", "a\ufffdb"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"line separator", "a\u2028b", "a\ufffdb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Harmless(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("a\x1b[31mb\x1b]0;x\x07\r\n\tc\u202e\xff")
	f.Fuzz(func(t *testing.T, in string) {
		out := Harmless(in)
		if !utf8.ValidString(out) {
			t.Errorf("invalid UTF-8 from %q", in)
		}
		if i := strings.IndexFunc(out, dangerous); i >= 0 {
			t.Errorf("%q left in output of %q", out[i], in)
		}
		for _, row := range wrap(out, 60) {
			if utf8.RuneCountInString(row) > 60 {
				t.Errorf("row too wide: %q", row)
			}
		}
	})
}
