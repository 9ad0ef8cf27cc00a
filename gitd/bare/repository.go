package bare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/durable"
)

// Repository is one bare repository.
type Repository struct {
	store *Store
	dir   string
}

func (r *Repository) view() view { return view{repository: r.dir} }

// References lists the references below refs/.
func (r *Repository) References(ctx context.Context) (map[plumbing.ReferenceName]plumbing.Hash, error) {
	refs, err := r.store.backend.references(ctx, r.view())
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	return refs, nil
}

// Update makes all changes or none. ErrStale when a reference is not at its old value any more.
func (r *Repository) Update(ctx context.Context, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := r.store.backend.update(ctx, r.view(), changes); err != nil {
		return fmt.Errorf("update references: %w", err)
	}
	return nil
}

// SetHead points HEAD to a branch, which a clone then checks out.
func (r *Repository) SetHead(branch plumbing.ReferenceName) error {
	path := filepath.Join(r.dir, "HEAD")
	content := []byte("ref: " + branch.String() + "\n")
	if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, content) {
		return nil
	}
	if err := durable.Replace(path, content, 0o600); err != nil {
		return fmt.Errorf("set HEAD: %w", err)
	}
	return nil
}

// UploadPack serves one fetch; it blocks until the client has what it wanted.
func (r *Repository) UploadPack(ctx context.Context, s Stream) error {
	if err := r.store.backend.uploadPack(ctx, r.view(), s); err != nil {
		return fmt.Errorf("serve fetch: %w", err)
	}
	return nil
}

// Housekeep repacks and prunes when there is reason to; it may take minutes, at the lowest priority.
func (r *Repository) Housekeep(ctx context.Context) error {
	if err := r.store.backend.housekeep(ctx, r.view()); err != nil {
		return fmt.Errorf("tidy repository: %w", err)
	}
	return nil
}

// Shallow lists the commits whose parents the repository does not have.
func (r *Repository) Shallow() ([]plumbing.Hash, error) {
	return readShallow(filepath.Join(r.dir, "shallow"))
}

func readShallow(path string) ([]plumbing.Hash, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read shallow commits: %w", err)
	}
	var ids []plumbing.Hash
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if _, err := hex.DecodeString(lines.Text()); err == nil && len(lines.Text()) == 40 {
			ids = append(ids, plumbing.NewHash(lines.Text()))
		}
	}
	return ids, nil
}

func writeShallow(path string, ids []plumbing.Hash) error {
	lines := make([]string, 0, len(ids))
	for _, id := range ids {
		lines = append(lines, id.String()+"\n")
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if err := durable.Replace(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		return fmt.Errorf("write shallow commits: %w", err)
	}
	return nil
}
