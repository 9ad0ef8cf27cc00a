package handover

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnOrderIsCarriedOutAndAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csphd.sock")
	c := NewControl(path, func(_ context.Context, o Order) (Outcome, error) {
		if o.Path == "/bad" {
			return Outcome{}, errors.New("the new csphd did not get ready")
		}
		return Outcome{PID: 7, Version: o.Path}, nil
	})
	if err := errors.Join(c.Listen(), os.Remove(path), c.Listen()); err != nil { // a failed successor may have taken it
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v (%v)", st.Mode(), err)
	}
	if out, err := Upgrade(within(t), path, Order{Path: "/new"}); err != nil || out != (Outcome{7, "/new"}) {
		t.Errorf("got %v, %v", out, err)
	}
	if _, err := Upgrade(within(t), path, Order{Path: "/bad"}); err == nil || err.Error() != "the new csphd did not get ready" {
		t.Errorf("got %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Upgrade(within(t), path, Order{}); err == nil || !strings.Contains(err.Error(), "no csphd answers") {
		t.Errorf("after Close: %v", err)
	}
}
