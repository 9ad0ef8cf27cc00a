package bare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Files digests the files of a commit that count: two commits with the same digest have the same ones, by path, mode and
// content.
func (q *Quarantine) Files(ctx context.Context, commit plumbing.Hash, counts func(path string) bool) (digest string, err error) {
	sum := sha256.New()
	err = q.store.backend.walk(ctx, q.view(), commit, func(f file) error {
		if counts(f.path) {
			fmt.Fprintf(sum, "%o %s %s\x00", f.mode, f.id, f.path)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("list the files of %.7s: %w", commit, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
