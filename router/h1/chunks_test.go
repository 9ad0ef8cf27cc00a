package h1

import (
	"bytes"
	"strings"
	"testing"
)

// dechunk decodes b, handed over in pieces of step bytes; ended tells whether the last chunk was seen.
func dechunk(b []byte, step int) (body []byte, used int, ended bool, err error) {
	var c Chunks
	for used < len(b) && !c.Ended() {
		piece := b[used:min(used+step, len(b))]
		framing, data, err := c.Next(piece)
		if err != nil {
			return body, used, false, err
		}
		body = append(body, piece[framing:framing+data]...)
		used += framing + data
	}
	return body, used, c.Ended(), nil
}

func TestChunksAreDecodedWhereverThePacketsBreak(t *testing.T) {
	const in = "5\r\nhello\r\n00A;name=\"v\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
	for step := 1; step < len(in); step++ {
		body, used, ended, err := dechunk([]byte(in), step)
		if err != nil || !ended || string(body) != "hello0123456789" {
			t.Fatalf("step %d: %q, ended %t, error %v", step, body, ended, err)
		}
		if rest := in[used:]; rest != "Trailer: x\r\n\r\n" {
			t.Errorf("step %d: left %q", step, rest)
		}
	}
}

func TestMalformedChunksAreRefused(t *testing.T) {
	for _, in := range []string{
		"\r\n", "x\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n",
		"0x5\r\nhello\r\n", "+5\r\nhello\r\n", "-5\r\n", "5\rhello", "5;a\nhello\r\n0\r\n", "5;a\rb\r\nhello\r\n", "5;\x00\r\nhello\r\n",
		"10000000000000000\r\n", "0000000000000005\r\nhello\r\n", "5,5\r\nhello\r\n",
		"1;" + strings.Repeat("a", maxExtensions+1) + "\r\nx\r\n0\r\n",
	} {
		if _, _, _, err := dechunk([]byte(in), len(in)); err != ErrChunk {
			t.Errorf("%q: error %v", in, err)
		}
		if _, _, _, err := dechunk([]byte(in), 1); err != ErrChunk {
			t.Errorf("%q byte by byte: error %v", in, err)
		}
	}
}

func TestATrailerSectionIsReadLikeAHead(t *testing.T) {
	for in, want := range map[string]error{
		"\r\n": nil, "A: b\r\n\r\n": nil, "A: b\r\n c\r\n\r\n": ErrTrailer, "A : b\r\n\r\n": ErrTrailer, "A: \x01\r\n\r\n": ErrTrailer,
	} {
		s := Scan{Trailers: true}
		n, err := s.End([]byte(in))
		if err != nil || n != len(in) {
			t.Fatalf("%q: ends at %d, error %v", in, n, err)
		}
		var tr Trailers
		if err := tr.Parse([]byte(in), 100); err != want {
			t.Errorf("%q: error %v, want %v", in, err, want)
		}
	}
	s := Scan{Trailers: true}
	if _, err := s.End([]byte("A: b\n\r\n")); err != ErrBareLF {
		t.Errorf("bare LF: error %v", err)
	}
}

func TestTrailersThatFrameOrRouteAreNotPassedOn(t *testing.T) {
	section := []byte("X-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n")
	var tr Trailers
	if err := tr.Parse(section, 100); err != nil {
		t.Fatal(err)
	}
	if got := tr.AppendLines(nil, Set(Other)); !bytes.Equal(got, []byte("X-Sum: 1\r\n")) {
		t.Errorf("passed on: %q", got)
	}
}
