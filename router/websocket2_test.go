package router

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Go's HTTP/2 reads whether it may offer extended CONNECT from the environment as the process starts, so
// the test runs itself once more.
func TestWebsocketsOverHTTP2WorkWhereGoIsToldToOfferThem(t *testing.T) {
	const setting = "http2xconnect=1"
	if strings.Contains(os.Getenv("GODEBUG"), setting) {
		talkOverHTTP2(t)
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), "GODEBUG="+setting)
	out, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("with GODEBUG=%s: %v\n%s", setting, err, out)
	}
}

func talkOverHTTP2(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(app(t, echoFrames(t)))
	body, feed := io.Pipe()
	req, _ := http.NewRequest(http.MethodConnect, "https://app.test/chat", body)
	req.Header[":protocol"] = []string{"websocket"}
	req.Header.Set("Sec-Websocket-Version", "13")
	resp, err := client2(t, addr).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Fatalf("%s %s", resp.Proto, resp.Status)
	}
	const frame = "\x82\x05hello"
	got := make([]byte, len(frame))
	for range 3 {
		if _, err := io.WriteString(feed, frame); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != frame {
			t.Fatalf("%q, error %v", got, err)
		}
	}
	go func() { _ = b.Shutdown(t.Context()) }()
	if rest, err := io.ReadAll(resp.Body); string(rest) != string(goingAway()) || err != nil {
		t.Errorf("the end: %q, error %v", rest, err)
	}
}
