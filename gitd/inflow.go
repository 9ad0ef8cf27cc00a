package gitd

import (
	"context"
	"errors"
	"io"
)

// inflow is what the client sends, as a pipe that can be closed from this end, and that ends with
// ctx: a read from an SSH channel itself ends only when the client says so. Taken once a session.
func (s *session) inflow(ctx context.Context) io.ReadCloser {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.CloseWithError(context.Cause(ctx)) })
	started := s.server.tasks.start(func() {
		_, err := io.CopyBuffer(writer, struct{ io.Reader }{s}, make([]byte, 64<<10))
		if errors.Is(err, io.ErrClosedPipe) {
			// Let the client finish, so that it comes to read why it was refused.
			_, err = io.Copy(io.Discard, s)
		}
		writer.CloseWithError(err)
	})
	if !started {
		writer.CloseWithError(context.Canceled)
	}
	return reader
}
