package tarball

import (
	"archive/tar"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// bounded reads at most limit bytes of r, and remembers r's own error: the archive's readers may
// wrap it beyond recognition.
type bounded struct {
	r     io.Reader
	left  int64
	limit int64
	err   error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	b.left -= int64(n)
	switch {
	case b.left < 0:
		b.err = fmt.Errorf("%w: it is larger than %d bytes", ErrTooLarge, b.limit)
		return 0, b.err
	case err != nil && !errors.Is(err, io.EOF):
		b.err = err
	}
	return n, err
}

// explain tells errors of the archive's form from those of the connection and of the disk.
func (b *bounded) explain(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case b.err != nil:
		return fmt.Errorf("read archive: %w", b.err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is cut short", ErrRefused)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, tar.ErrFieldTooLong), errors.As(err, &corrupt):
		return fmt.Errorf("%w: it is no tar archive, or damaged: %w", ErrRefused, err)
	}
	return err
}
