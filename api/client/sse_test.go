package client

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestMessagesAreReadAsTheStandardSays(t *testing.T) {
	in := ": comment\n\nid: 1\nevent: event\ndata: {\"a\":\ndata: 1}\n\nretry: 5\nevent:line\ndata:x\n\nevent: cut\ndata: off"
	var got []message
	for m, err := range messages(strings.NewReader(in)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	if len(got) != 2 || got[0].id != "1" || got[0].event != "event" || string(got[0].data) != `{"a":1}` || got[1].event != "line" || string(got[1].data) != "x" {
		t.Errorf("got %+v", got)
	}
}

func TestAMessageTooLongForAnyStreamIsAnError(t *testing.T) {
	var last error
	for _, err := range messages(strings.NewReader("event: line\ndata: " + strings.Repeat("x", 2*maxMessage))) {
		last = err
	}
	if last == nil {
		t.Error("no error")
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("id: 1\nevent: line\ndata: {}\n\n:\n\nevent: end\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &stream{event: "line"}
		err := s.read(bytes.NewReader(in), func(data []byte) error { return nil })
		var known interface{ Error() string }
		if err != nil && !errors.As(err, &known) {
			t.Errorf("got %v", err)
		}
	})
}
