package h1

import (
	"errors"
	"strings"
	"testing"
)

// parse reads one request head as the router does.
func parse(t testing.TB, head string) (Request, error) {
	t.Helper()
	var s Scan
	n, err := s.End([]byte(head))
	if err != nil {
		return Request{}, err
	}
	if n == 0 {
		return Request{}, errors.New("the head does not end")
	}
	var r Request
	err = r.Parse([]byte(head)[:n], 100)
	return r, err
}

func TestWhateverTwoParsersCouldReadInTwoWaysIsRefused(t *testing.T) {
	const line = "GET / HTTP/1.1\r\n"
	const host = "Host: a.test\r\n"
	for name, c := range map[string]struct {
		head string
		want error
	}{
		"bare LF after the request line":  {"GET / HTTP/1.1\n" + host + "\r\n", ErrBareLF},
		"bare LF after a field":           {line + "Host: a.test\n\r\n", ErrBareLF},
		"bare LF ending the head":         {line + host + "\n", ErrBareLF},
		"leading empty line":              {"\r\n" + line + host + "\r\n", ErrEmptyHead},
		"leading blank":                   {" " + line + host + "\r\n", ErrRequestLine},
		"bare CR in a value":              {line + host + "X: a\rb\r\n\r\n", ErrFieldValue},
		"bare CR in the target":           {"GET /\r HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"NUL in a value":                  {line + host + "X: a\x00b\r\n\r\n", ErrFieldValue},
		"NUL in a name":                   {line + host + "X\x00: a\r\n\r\n", ErrFieldLine},
		"NUL in the target":               {"GET /\x00 HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"DEL in a value":                  {line + host + "X: \x7f\r\n\r\n", ErrFieldValue},
		"folded line":                     {line + host + "X: a\r\n b\r\n\r\n", ErrFieldLine},
		"folded line with a tab":          {line + host + "X: a\r\n\tb\r\n\r\n", ErrFieldLine},
		"folded first line":               {line + " X: a\r\n" + host + "\r\n", ErrFieldLine},
		"blank before the colon":          {line + host + "X : a\r\n\r\n", ErrFieldLine},
		"tab before the colon":            {line + host + "Content-Length\t: 3\r\n\r\n", ErrFieldLine},
		"no colon":                        {line + host + "X\r\n\r\n", ErrFieldLine},
		"no name":                         {line + host + ": a\r\n\r\n", ErrFieldLine},
		"two lengths":                     {line + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", ErrManyLengths},
		"the same length twice":           {line + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", ErrManyLengths},
		"a list of lengths":               {line + host + "Content-Length: 3, 3\r\n\r\n", ErrLength},
		"a length with a sign":            {line + host + "Content-Length: +3\r\n\r\n", ErrLength},
		"a negative length":               {line + host + "Content-Length: -3\r\n\r\n", ErrLength},
		"a hexadecimal length":            {line + host + "Content-Length: 0x3\r\n\r\n", ErrLength},
		"an empty length":                 {line + host + "Content-Length:\r\n\r\n", ErrLength},
		"a length with a blank inside":    {line + host + "Content-Length: 1 2\r\n\r\n", ErrLength},
		"a length that overflows":         {line + host + "Content-Length: 18446744073709551617\r\n\r\n", ErrLength},
		"length and coding":               {line + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", ErrLengthCoding},
		"coding and length":               {line + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", ErrLengthCoding},
		"two codings":                     {line + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", ErrCoding},
		"chunked twice":                   {line + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrCoding},
		"a list of codings":               {line + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", ErrCoding},
		"chunked, chunked":                {line + host + "Transfer-Encoding: chunked, chunked\r\n\r\n", ErrCoding},
		"xchunked":                        {line + host + "Transfer-Encoding: xchunked\r\n\r\n", ErrCoding},
		"quoted chunked":                  {line + host + "Transfer-Encoding: \"chunked\"\r\n\r\n", ErrCoding},
		"chunked with a parameter":        {line + host + "Transfer-Encoding: chunked;q=1\r\n\r\n", ErrCoding},
		"chunked with a vertical tab":     {line + host + "Transfer-Encoding: \x0bchunked\r\n\r\n", ErrFieldValue},
		"chunked with a no-break space":   {line + host + "Transfer-Encoding: \xa0chunked\r\n\r\n", ErrCoding},
		"identity":                        {line + host + "Transfer-Encoding: identity\r\n\r\n", ErrCoding},
		"an empty coding":                 {line + host + "Transfer-Encoding:\r\n\r\n", ErrCoding},
		"a coding in HTTP/1.0":            {"POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", ErrOldCoding},
		"no host":                         {line + "\r\n", ErrNoHost},
		"two hosts":                       {line + host + "Host: b.test\r\n\r\n", ErrManyHosts},
		"the same host twice":             {line + host + host + "\r\n", ErrManyHosts},
		"a host with a path":              {line + "Host: a.test/x\r\n\r\n", ErrHost},
		"a host with a user":              {line + "Host: u@a.test\r\n\r\n", ErrHost},
		"a list of hosts":                 {line + "Host: a.test, b.test\r\n\r\n", ErrHost},
		"a port that is not one":          {line + "Host: a.test:8x\r\n\r\n", ErrHost},
		"two blanks after the method":     {"GET  / HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
		"two blanks after the target":     {"GET /  HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
		"a tab in the request line":       {"GET\t/ HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
		"a blank after the version":       {"GET / HTTP/1.1 \r\n" + host + "\r\n", ErrRequestLine},
		"HTTP/0.9":                        {"GET /\r\n\r\n", ErrRequestLine},
		"HTTP/2.0":                        {"GET / HTTP/2.0\r\n" + host + "\r\n", ErrVersion},
		"HTTP/1.2":                        {"GET / HTTP/1.2\r\n" + host + "\r\n", ErrVersion},
		"http/1.1":                        {"GET / http/1.1\r\n" + host + "\r\n", ErrRequestLine},
		"HTTP/1.10":                       {"GET / HTTP/1.10\r\n" + host + "\r\n", ErrRequestLine},
		"a fragment":                      {"GET /#x HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"a malformed escape":              {"GET /%zz HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"a cut escape":                    {"GET /%1 HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"a target without a slash":        {"GET x HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"an asterisk for GET":             {"GET * HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"a foreign scheme":                {"GET ftp://a.test/ HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"a user in the target":            {"GET http://u@a.test/ HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"an absolute target without host": {"GET http:///x HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
		"CONNECT":                         {"CONNECT a.test:80 HTTP/1.1\r\n" + host + "\r\n", ErrConnectMethod},
		"an unknown expectation":          {line + host + "Expect: tea\r\n\r\n", ErrExpectation},
		"a malformed connection option":   {line + host + "Connection: a b\r\n\r\n", ErrConnection},
		"too many connection options":     {line + host + "Connection: " + strings.Repeat("a,", 40) + "\r\n\r\n", ErrConnection},
		"too many fields":                 {line + host + strings.Repeat("X: a\r\n", 100) + "\r\n", ErrManyFields},
	} {
		if _, err := parse(t, c.head); err != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestARequestHeadIsReadAsItWasMeant(t *testing.T) {
	r, err := parse(t, "POST /a%20b?c=%zz HTTP/1.1\r\nHost: App.Example.Test:80\r\nContent-Length: 007\r\n"+
		"Connection: close, x-hop\r\nX-Hop: gone\r\nX-Stay:  spaced \t\r\nTE: trailers\r\nExpect: 100-Continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Method) != "POST" || string(r.Target) != "/a%20b?c=%zz" || string(r.Host) != "App.Example.Test:80" {
		t.Errorf("method %s, target %s, host %s", r.Method, r.Target, r.Host)
	}
	if r.Framing != Sized || r.Length != 7 || r.KeepAlive || !r.Trailers || !r.Continue {
		t.Errorf("framing %d, length %d, keep-alive %t, trailers %t, continue %t", r.Framing, r.Length, r.KeepAlive, r.Trailers, r.Continue)
	}
	if got := string(r.AppendLines(nil, Set(Other))); got != "X-Stay:  spaced \t\r\n" {
		t.Errorf("passed on: %q", got)
	}
	if got := string(AppendHost(nil, r.Host)); got != "app.example.test" {
		t.Errorf("host %q", got)
	}
}

func TestAnAbsoluteTargetReplacesTheHostField(t *testing.T) {
	for target, want := range map[string]string{
		"http://b.test/x?y":    "/x?y",
		"HTTP://b.test":        "/",
		"https://b.test?q":     "/?q",
		"http://b.test:81/a/b": "/a/b",
	} {
		r, err := parse(t, "GET "+target+" HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if err != nil || string(r.Target) != want || !strings.HasPrefix(string(r.Host), "b.test") {
			t.Errorf("%s: target %q, host %q, error %v", target, r.Target, r.Host, err)
		}
	}
	r, err := parse(t, "OPTIONS http://b.test HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if err != nil || string(r.Target) != "*" {
		t.Errorf("OPTIONS: target %q, error %v", r.Target, err)
	}
}

func TestNamesThatAGatewayCouldConfuseAreNotPassedOn(t *testing.T) {
	r, err := parse(t, "GET / HTTP/1.1\r\nHost: a.test\r\nContent_Length: 5\r\nX_Forwarded_For: 1.2.3.4\r\nProxy: evil\r\n"+
		"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\nX_Custom: stays\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.AppendLines(nil, Set(Other, Accept, ContentType, UserAgent))); got != "X_Custom: stays\r\n" {
		t.Errorf("passed on: %q", got)
	}
	if r.Framing != NoBody {
		t.Errorf("Content_Length was taken for a length")
	}
}

func TestUpgradesAreForWebsocketsAndTheLikeNeverForH2C(t *testing.T) {
	for _, c := range []struct{ fields, want string }{
		{"Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"},
		{"Upgrade: websocket\r\n", ""},
		{"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n", ""},
		{"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", ""},
		{"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", ""},
	} {
		r, err := parse(t, "GET / HTTP/1.1\r\nHost: a.test\r\n"+c.fields+"\r\n")
		if err != nil || string(r.Upgrade) != c.want {
			t.Errorf("%q: upgrade %q, error %v", c.fields, r.Upgrade, err)
		}
	}
}

func TestTheEndOfAHeadIsFoundWhereverThePacketsBreak(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a.test\r\nX: y\r\n\r\n"
	const all = head + "GET /next"
	for step := 1; step <= len(all); step++ {
		var s Scan
		for have := step; ; have += step {
			n, err := s.End([]byte(all)[:min(have, len(all))])
			if err != nil {
				t.Fatalf("step %d, %d bytes: %v", step, have, err)
			}
			if n != 0 {
				if n != len(head) {
					t.Errorf("step %d: the head ends at %d, want %d", step, n, len(head))
				}
				break
			}
			if have >= len(all) {
				t.Fatalf("step %d: the head was not found", step)
			}
		}
	}
}
