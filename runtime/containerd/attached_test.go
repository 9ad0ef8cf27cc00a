package containerd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestACommandOfItsOwnIsTalkedTo(t *testing.T) {
	r := newRig(t)
	before := r.inventory()
	set := r.set("dep_1")
	t.Run("with its input and output apart, and its exit code", func(t *testing.T) {
		var out, errs bytes.Buffer
		exit, err := r.eng.RunAttached(t.Context(), set, Command{Args: []string{"/app", "cat"}, Stdin: strings.NewReader("through and back"), Stdout: &out, Stderr: &errs})
		if err != nil || exit != 0 || out.String() != "through and back" {
			t.Errorf("exit %d, %v, %q", exit, err, out.String())
		}
		out.Reset()
		exit, err = r.eng.RunAttached(t.Context(), set, Command{Args: []string{"/app", "say", "hi"}, Stdout: &out, Stderr: &errs})
		if err != nil || exit != 0 || out.String() != "hi\n" || errs.String() != "and an end without newline" {
			t.Errorf("exit %d, %v, %q and %q", exit, err, out.String(), errs.String())
		}
		if exit, err = r.eng.RunAttached(t.Context(), set, Command{Args: []string{"/app", "exit", "9"}}); err != nil || exit != 9 {
			t.Errorf("exit %d, %v", exit, err)
		}
	})
	t.Run("on a terminal", func(t *testing.T) {
		var out bytes.Buffer
		sizes := make(chan Size, 1)
		sizes <- Size{Width: 80, Height: 24}
		exit, err := r.eng.RunAttached(t.Context(), set, Command{Args: []string{"/app", "say", "hi"}, Stdout: &out, TTY: true, Size: Size{Width: 40, Height: 12}, Resize: sizes})
		if err != nil || exit != 0 || !strings.Contains(out.String(), "hi\r\n") {
			t.Errorf("exit %d, %v, %q", exit, err, out.String())
		}
	})
	t.Run("and told from others when it eats too much, or is not there", func(t *testing.T) {
		var failure *platform.Failure
		exit, err := r.eng.RunAttached(t.Context(), set, Command{Args: []string{"/app", "eat", "700"}})
		if exit != 137 || !errors.As(err, &failure) || failure.Reason != platform.OutOfMemory {
			t.Errorf("exit %d, %v", exit, err)
		}
		_, err = r.eng.RunAttached(t.Context(), set, Command{Args: []string{"bash"}, TTY: true})
		if !errors.As(err, &failure) || failure.Reason != platform.StartFailed || !strings.Contains(failure.Message, "bash was not found") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("until nobody wants it any more, though it waits for input", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		input, feed := io.Pipe()
		defer feed.Close()
		if _, err := r.eng.RunAttached(ctx, set, Command{Args: []string{"/app", "cat"}, Stdin: input}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	r.unchanged(before)
}
