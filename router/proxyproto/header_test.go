package proxyproto

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"testing"
)

const (
	v2tcp4 = signature + "\x21\x11\x00\x0c\xc0\x00\x02\x01\x7f\x00\x00\x01\x30\x39\x01\xbb"
	v2tcp6 = signature + "\x21\x21\x00\x24 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x30\x39\x01\xbb"
)

func TestAHeaderOfEitherVersionIsReadAndNothingAfterIt(t *testing.T) {
	for in, want := range map[string]string{
		"PROXY TCP4 192.0.2.1 127.0.0.1 12345 443\r\n":     "192.0.2.1:12345",
		"PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n": "[2001:db8::1]:12345",
		"PROXY UNKNOWN\r\n": "",
		"PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n": "",
		v2tcp4: "192.0.2.1:12345",
		v2tcp6: "[2001:db8::1]:12345",
		signature + "\x21\x11\x00\x0f\xc0\x00\x02\x01\x7f\x00\x00\x01\x30\x39\x01\xbb\x04\x00\x00": "192.0.2.1:12345", // with an extension
		signature + "\x20\x00\x00\x00":                 "",
		signature + "\x21\x00\x00\x02ab":               "",
		signature + "\x21\x31\x00\xd8" + zeros(0xd8):   "",
		signature + "\x21\x12\x00\x0c" + zeros(12):     "",
		signature + "\x20\x11\x00\x0c" + v2tcp4[16:28]: "",
	} {
		r := strings.NewReader(in + "GET / HTTP/1.1\r\n")
		h, err := Read(r)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if want == "" && h.Source.IsValid() || want != "" && h.Source != netip.MustParseAddrPort(want) {
			t.Errorf("%q: source %s", in, h.Source)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "GET / HTTP/1.1\r\n" {
			t.Errorf("%q: %q is left", in, rest)
		}
	}
}

func zeros(n int) string { return strings.Repeat("\x00", n) }

func TestWhatIsNotExactlyAHeaderIsRefused(t *testing.T) {
	for _, in := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"PROXY TCP4 192.0.2.1 127.0.0.1 12345 443\n",
		"PROXY TCP4 192.0.2.1 127.0.0.1 12345 443 \r\n",
		"PROXY TCP4  192.0.2.1 127.0.0.1 12345 443\r\n",
		"PROXY TCP4 192.0.2.1 127.0.0.1 012345 443\r\n",
		"PROXY TCP4 192.0.2.1 127.0.0.1 65536 443\r\n",
		"PROXY TCP4 192.0.2.1 127.0.0.1 -1 443\r\n",
		"PROXY TCP4 192.0.2.01 127.0.0.1 1 443\r\n",
		"PROXY TCP4 ::1 ::1 1 443\r\n",
		"PROXY TCP6 192.0.2.1 127.0.0.1 1 443\r\n",
		"PROXY TCP6 fe80::1%eth0 ::1 1 443\r\n",
		"PROXY TCP5 192.0.2.1 127.0.0.1 1 443\r\n",
		"PROXY UNKNOWNS\r\n",
		"proxy TCP4 192.0.2.1 127.0.0.1 12345 443\r\n",
		"PROXY " + strings.Repeat("x", 200) + "\r\n",
		signature + "\x11\x11\x00\x0c" + zeros(12),
		signature + "\x22\x11\x00\x0c" + zeros(12),
		signature + "\x21\x11\x00\x0b" + zeros(11),
		signature + "\x21\x21\x00\x0c" + zeros(12),
		signature + "\x21\x41\x00\x0c" + zeros(12),
		signature + "\x21\x11\xff\xff" + zeros(0xffff),
	} {
		if h, err := Read(strings.NewReader(in)); err != ErrHeader {
			t.Errorf("%q: %v, error %v", in[:min(len(in), 60)], h, err)
		}
	}
}

func TestAHeaderThatEndsEarlyIsAnError(t *testing.T) {
	for _, in := range []string{v2tcp4, v2tcp6, "PROXY TCP4 192.0.2.1 127.0.0.1 12345 443\r\n"} {
		for n := range len(in) {
			if h, err := Read(strings.NewReader(in[:n])); err == nil {
				t.Errorf("%q: %v", in[:n], h)
			}
		}
	}
}

// FuzzRead holds that no more is read than the header, and that the same bytes give the same header
// however they arrive.
func FuzzRead(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 127.0.0.1 12345 443\r\nGET /"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(v2tcp4 + "GET /"))
	f.Add([]byte(v2tcp6))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		h, err := Read(r)
		used := len(in) - r.Len()
		again, errAgain := Read(iotest{bytes.NewReader(in)})
		if (err == nil) != (errAgain == nil) || h != again {
			t.Fatalf("%q: %v %v, byte by byte %v %v", in, h, err, again, errAgain)
		}
		if err != nil {
			return
		}
		if exact, err := Read(bytes.NewReader(in[:used])); err != nil || exact != h {
			t.Fatalf("%q: %v, error %v, want %v", in[:used], exact, err, h)
		}
		if h.Source.IsValid() && h.Source.Addr().Zone() != "" {
			t.Fatalf("%q: zone in %v", in, h.Source)
		}
	})
}

// iotest hands out one byte at a time.
type iotest struct{ io.Reader }

func (r iotest) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(len(b), 1)]) }
