package logs

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

const key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ\n-----END KEY-----\n"

func TestSecretsAreHiddenInEveryFormInWhichTheyShow(t *testing.T) {
	m := NewMask("hunter2-hunter2", "pass word/&+", `say "hi" now`, key, "on", "token", "token-longer")
	for in, want := range map[string]string{
		"hunter2-hunter2":              "***",
		"a hunter2-hunter2, b":         "a ***, b",
		"hunter2-hunter2hunter2-":      "***hunter2-",
		"x=pass+word%2F%26%2B&y":       "x=***&y",
		"pass%20word%2F&+":             "***",
		`{"v":"say \"hi\" now"}`:       `{"v":"***"}`,
		"on and on":                    "on and on",
		"token-longer token-long":      "*** ***-long",
		"   | MIIEvQIBADANBg |":        "   | *** |",
		strings.TrimSpace(key) + "\nx": "***\nx",
		base64.StdEncoding.EncodeToString([]byte("hunter2-hunter2:")): "***Og==",
		"nothing to hide": "nothing to hide",
	} {
		if got := m.Text(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func TestTheNilMaskHidesNothing(t *testing.T) {
	var m *Mask
	s := m.Stream()
	if got := m.Text("text") + string(s.Next([]byte("piece"))) + string(s.End()); got != "textpiece" {
		t.Errorf("shown as %q", got)
	}
}

func TestOnlyWhatMayBecomeASecretIsHeldBack(t *testing.T) {
	s := NewMask("hunter2", "hunter2-longer").Stream()
	for _, step := range []struct{ piece, want string }{
		{"ready\nhun", "ready\n"}, {"t\n", "hunt\n"}, {"hunter2", ""}, {"-lo", ""}, {"st", "***-lost"}, {"hunter2-long", ""},
	} {
		if got := string(s.Next([]byte(step.piece))); got != step.want {
			t.Errorf("after %q comes %q, want %q", step.piece, got, step.want)
		}
	}
	if got := string(s.End()); got != "***-long" {
		t.Errorf("at the end comes %q", got)
	}
}

// A stream is masked like the text that it is a part of, wherever it is cut.
func FuzzMaskedStream(f *testing.F) {
	f.Add("hunter2", "hunter2-longer", "say hunter2-longest", []byte{3, 1, 9})
	f.Add(key, "MIIEvQIBADANBgxx", "a\n"+key+"b", []byte{1})
	f.Add("aaab", "aaaa", "aaaaaaab", []byte{2, 2})
	f.Fuzz(func(t *testing.T, one, other, text string, cuts []byte) {
		m := NewMask(one, other)
		want := m.Text(text)
		s := m.Stream()
		var got []byte
		rest := []byte(text)
		for i := 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[i%len(cuts)])+1)
			}
			got = append(got, s.Next(rest[:n])...)
			rest = rest[n:]
		}
		got = append(got, s.End()...)
		if string(got) != want {
			t.Fatalf("in pieces it is %q, whole %q", got, want)
		}
		for _, h := range m.hidden {
			if bytes.Contains(bytes.ReplaceAll(got, []byte(Masked), []byte{0}), h) && !bytes.ContainsRune(h, 0) && !bytes.ContainsRune([]byte(text), 0) {
				t.Fatalf("%q is left in %q", h, got)
			}
		}
	})
}
