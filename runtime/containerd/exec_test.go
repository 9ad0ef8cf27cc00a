package containerd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestACommandRunsInsideASpherelet(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	t.Run("with its input and output", func(t *testing.T) {
		var out bytes.Buffer
		exit, err := r.eng.Exec(t.Context(), s.ID, Command{Args: []string{"/app", "cat"}, Stdin: strings.NewReader("through and back"), Stdout: &out})
		if err != nil || exit != 0 || out.String() != "through and back" {
			t.Errorf("exit %d, %v, %q", exit, err, out.String())
		}
	})
	t.Run("with both outputs apart, and its exit code", func(t *testing.T) {
		var out, errs bytes.Buffer
		if exit, err := r.eng.Exec(t.Context(), s.ID, Command{Args: []string{"/app", "say", "hi"}, Stdout: &out, Stderr: &errs}); err != nil || exit != 0 {
			t.Errorf("exit %d, %v", exit, err)
		}
		if out.String() != "hi\n" || errs.String() != "and an end without newline" {
			t.Errorf("%q and %q", out.String(), errs.String())
		}
		if exit, err := r.eng.Exec(t.Context(), s.ID, Command{Args: []string{"/app", "exit", "9"}}); err != nil || exit != 9 {
			t.Errorf("exit %d, %v", exit, err)
		}
	})
	t.Run("on a terminal", func(t *testing.T) {
		var out bytes.Buffer
		sizes := make(chan Size, 1)
		sizes <- Size{Width: 80, Height: 24}
		exit, err := r.eng.Exec(t.Context(), s.ID, Command{Args: []string{"/app", "say", "hi"}, Stdout: &out, TTY: true, Size: Size{Width: 40, Height: 12}, Resize: sizes})
		if err != nil || exit != 0 || !strings.Contains(out.String(), "hi\r\n") {
			t.Errorf("exit %d, %v, %q", exit, err, out.String())
		}
	})
	t.Run("until nobody wants it any more", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := r.eng.Exec(ctx, s.ID, Command{Args: []string{"/app", "sleep"}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if pids, err := r.inst.AppCgroup(s.ID).Processes(); err != nil || len(pids) != 1 {
			t.Errorf("processes %v, %v", pids, err)
		}
	})
	t.Run("if it is in the image", func(t *testing.T) {
		if _, err := r.eng.Exec(t.Context(), s.ID, Command{Args: []string{"bash"}}); !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), "bash was not found") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("if the spherelet runs", func(t *testing.T) {
		if _, err := r.eng.Exec(t.Context(), "sph_none", Command{Args: []string{"/app"}}); !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := r.eng.Stats("sph_none"); !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	r.remove("dep_1")
}
