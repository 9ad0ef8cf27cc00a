package builder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"csph/platform"
)

// failure makes the user's error of what BuildKit returned. Cancellation stays what it is.
func (s *solve) failure(ctx context.Context, err error) error {
	var f *platform.Failure
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		return s.timedOut(err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &f):
		return f
	case status.Code(errors.Unwrap(err)) == codes.Unavailable, status.Code(err) == codes.Unavailable:
		return &platform.Failure{
			Reason: platform.Internal, Message: "the build daemon stopped during the build", Hint: "deploy again; the build begins anew", Err: err,
		}
	}
	return s.stepFailed(err)
}

func (s *solve) stepFailed(err error) *platform.Failure {
	step := s.failedStep(err)
	cause := innermost(err)
	f := &platform.Failure{Reason: platform.BuildFailed, Err: err}
	var exit *gatewaypb.ExitError
	switch {
	case step != nil && errors.As(err, &exit):
		f.Message = fmt.Sprintf("step %q failed with exit code %d", step.name, exit.ExitCode)
	case step != nil:
		f.Message = fmt.Sprintf("step %q failed: %s", step.name, cause)
	default:
		f.Message = "the build failed: " + cause
	}
	var shown string
	f.Hint, shown = advise(append(step.output(), cause))
	f.Tail = showing(step.tail(), shown, cause)
	return f
}

// showing is tail with the line that shows the cause, where that one came too early to be in it.
func showing(tail []string, line, message string) []string {
	if line == "" || strings.Contains(message, line) || slices.ContainsFunc(tail, func(t string) bool { return strings.Contains(t, line) }) {
		return tail
	}
	return slices.Insert(tail[max(0, len(tail)-tailLines+2):], 0, line, "…")
}

// failedStep is the step that err is about, nil when it is about none.
func (s *solve) failedStep(err error) *stepProgress {
	var vertex *errdefs.VertexError
	if errors.As(err, &vertex) {
		if step, ok := s.progress.steps[digest.Digest(vertex.Digest)]; ok {
			return step
		}
	}
	return s.progress.unfinished()
}

func (s *solve) timedOut(err error) *platform.Failure {
	step, where := s.failedStep(err), ""
	if step != nil {
		where = fmt.Sprintf(", in step %q", step.name)
	}
	return &platform.Failure{
		Reason:  platform.BuildTimeout,
		Message: fmt.Sprintf("the build was stopped after %s%s", s.builder.config.Limits.Timeout, where),
		Hint:    "make the step faster or split the work; what it downloads into its cache folders is kept for the next build",
		Tail:    step.tail(), Err: err,
	}
}

// outOfMemory is the failure of a build one of whose processes was killed for memory; err may be nil,
// since a shell can go on after it.
func (s *solve) outOfMemory(err error) *platform.Failure {
	step, message := s.failedStep(err), "the build ran out of memory"
	if step != nil {
		message = fmt.Sprintf("step %q ran out of memory", step.name)
	}
	return &platform.Failure{
		Reason:  platform.BuildFailed,
		Message: fmt.Sprintf("%s: a process was killed at the limit of %s", message, gigabytes(s.builder.config.Limits.Memory)),
		Hint:    "use fewer parallel workers (make -j1, GOFLAGS=-p=1) or bound the tool's heap (NODE_OPTIONS=--max-old-space-size=2048), or build the image elsewhere and deploy it with --image",
		Tail:    step.tail(), Err: err,
	}
}

func gigabytes(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.3g GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// innermost is the cause that BuildKit reports, without the layers of wrapping around it.
func innermost(err error) string {
	text := status.Convert(rootCause(err)).Message()
	if text == "" {
		text = err.Error()
	}
	if first, _, found := strings.Cut(text, "\n"); found {
		text = first
	}
	return strings.TrimPrefix(text, "failed to solve: ")
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
