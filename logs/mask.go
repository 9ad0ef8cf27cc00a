package logs

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Masked stands in a log for a secret.
const Masked = "***"

const (
	minSecret     = 4 // bytes; shorter values are words like "on" and "1", and stay
	minSecretLine = 8 // bytes; a line of a longer secret that is hidden by itself
)

// Mask hides known secrets in what is logged: each value as it is, each of its longer lines (a program may
// indent or number them), and the value as base64, URL and JSON write it. The nil Mask hides nothing. A Mask
// never changes and may be used by any number of goroutines.
type Mask struct {
	hidden [][]byte  // the longest first
	first  [256]bool // bytes that one of hidden begins with
}

// NewMask returns a mask of secrets. Values shorter than 4 bytes are not hidden.
func NewMask(secrets ...string) *Mask { return MaskOf(Forms(secrets...)...) }

// Forms are the texts in which secrets show: what a program hides that is not to know how to find them.
func Forms(secrets ...string) []string {
	var all []string
	for _, s := range secrets {
		all = append(all, forms(strings.TrimSpace(s))...)
	}
	return all
}

// MaskOf returns a mask of texts that Forms has found; none of them is empty.
func MaskOf(texts ...string) *Mask {
	m := &Mask{}
	for _, text := range texts {
		m.hidden = append(m.hidden, []byte(text))
		m.first[text[0]] = true
	}
	slices.SortFunc(m.hidden, func(a, b []byte) int { return cmp.Or(len(b)-len(a), bytes.Compare(a, b)) })
	m.hidden = slices.CompactFunc(m.hidden, bytes.Equal)
	return m
}

// forms are the texts in which a secret shows.
func forms(secret string) []string {
	if len(secret) < minSecret {
		return nil
	}
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	// What follows the value changes the last group of base64 (RFC 4648 section 4), so that is left out.
	if whole := len(secret) / 3 * 3; whole >= 2*minSecret {
		all = append(all, base64.RawStdEncoding.EncodeToString([]byte(secret[:whole])), base64.RawURLEncoding.EncodeToString([]byte(secret[:whole])))
	}
	if strings.Contains(secret, "\n") {
		for line := range strings.SplitSeq(secret, "\n") {
			if line = strings.TrimSpace(line); len(line) >= minSecretLine {
				all = append(all, line)
			}
		}
	}
	return all
}

// Text returns text with every secret replaced by Masked: at each place the longest that is there.
func (m *Mask) Text(text string) string {
	if m == nil || len(m.hidden) == 0 {
		return text
	}
	out, _ := m.scan(nil, []byte(text), true)
	return string(out)
}

// scan appends to out what of text is settled, masked, and returns the rest: a tail that more text may turn into a
// secret, or into a longer one. With last, no more text comes, and nothing is left.
func (m *Mask) scan(out, text []byte, last bool) (masked, rest []byte) {
	for len(text) > 0 {
		if !m.first[text[0]] {
			out, text = append(out, text[0]), text[1:]
			continue
		}
		if !last && m.undecided(text) {
			return out, text
		}
		if n := m.match(text); n > 0 {
			out, text = append(out, Masked...), text[n:]
			continue
		}
		out, text = append(out, text[0]), text[1:]
	}
	return out, nil
}

// undecided reports whether text is the beginning of a secret, and all there is of it so far.
func (m *Mask) undecided(text []byte) bool {
	for _, h := range m.hidden {
		if len(h) <= len(text) {
			return false
		}
		if bytes.HasPrefix(h, text) {
			return true
		}
	}
	return false
}

// match is the length of the longest secret that text begins with, 0 when there is none.
func (m *Mask) match(text []byte) int {
	for _, h := range m.hidden {
		if bytes.HasPrefix(text, h) {
			return len(h)
		}
	}
	return 0
}

// MaskedStream hides secrets in a stream of bytes, however it is cut into pieces.
type MaskedStream struct {
	mask *Mask
	rest []byte
}

// Stream returns a stream that m hides secrets in. It belongs to one goroutine.
func (m *Mask) Stream() *MaskedStream { return &MaskedStream{mask: m} }

// Next takes the next piece of the stream and returns what is settled by it. What may be the beginning of a
// secret is held back until a later piece, or End, settles it. The result is valid until the next call.
func (s *MaskedStream) Next(piece []byte) []byte {
	if s.mask == nil || len(s.mask.hidden) == 0 {
		return piece
	}
	out, rest := s.mask.scan(nil, append(s.rest, piece...), false)
	s.rest = bytes.Clone(rest)
	return out
}

// End returns what was held back; no more pieces come.
func (s *MaskedStream) End() []byte {
	if len(s.rest) == 0 {
		return nil
	}
	out, _ := s.mask.scan(nil, s.rest, true)
	s.rest = nil
	return out
}
