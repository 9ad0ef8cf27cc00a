package bare

import (
	"context"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// view is a set of objects with the references around it: a repository, with a quarantine on top of
// it while a push is being judged.
type view struct {
	repository string // the bare repository
	quarantine string // object folder above the repository's own; "" without
	shallow    string // shallow file to use in place of the repository's; "" for its own
}

// backend does the work on objects and references: gitProgram by child processes, goGit in process.
type backend interface {
	packs
	objects
	references
	// thin reports whether index completes thin packs.
	thin() bool
	// checkout makes the files of commit, and nothing else, present in work.tree. It returns when they are.
	checkout(ctx context.Context, v view, commit plumbing.Hash, work worktree) error
}

type packs interface {
	// index stores the pack in the view's quarantine, checking every object in it. It closes pack when it
	// has read its end or met an error. whole says that every object the pack links to is in the pack.
	index(ctx context.Context, v view, pack io.ReadCloser, progress io.Writer) (whole bool, err error)
	// uploadPack serves one fetch.
	uploadPack(ctx context.Context, v view, s Stream) error
	// housekeep repacks and prunes when there is reason to.
	housekeep(ctx context.Context, v view) error
}

type objects interface {
	// kinds tells the types of ids; one that is missing is left out. With own, only the quarantine counts.
	kinds(ctx context.Context, v view, ids []plumbing.Hash, own bool) (map[plumbing.Hash]plumbing.ObjectType, error)
	// connected fails with ErrDisconnected unless everything reachable from tips, and not already from
	// the references, is there.
	connected(ctx context.Context, v view, tips []plumbing.Hash) error
	// walk visits the files, symlinks and submodules of a commit in the order of their paths.
	walk(ctx context.Context, v view, commit plumbing.Hash, visit func(file) error) error
	// contents visits the content of ids in their order, up to limit bytes of each.
	contents(ctx context.Context, v view, ids []plumbing.Hash, limit int64, visit func(i int, content []byte) error) error
}

type references interface {
	// references lists the references below refs/.
	references(ctx context.Context, v view) (map[plumbing.ReferenceName]plumbing.Hash, error)
	// update makes all changes or none; ErrStale when an old value is not what it should be.
	update(ctx context.Context, v view, changes []Change) error
}

// Change moves one reference. Old zero: it must not exist. New zero: it is deleted.
type Change struct {
	Name     plumbing.ReferenceName
	Old, New plumbing.Hash
}

// Stream is the two ends of a session that serves a fetch. Closing In ends a read from it.
type Stream struct {
	In       io.ReadCloser
	Out, Err io.Writer
	// Protocol is the GIT_PROTOCOL that the client asked for; "" for the original one.
	Protocol string
}

// Errors that callers branch on; the text is for the person who pushed.
var (
	ErrStale        = errors.New("the reference changed meanwhile; fetch and push again")
	ErrDisconnected = errors.New("objects are missing from the push")
	ErrCorrupt      = errors.New("the pack was refused")
	ErrTooLarge     = errors.New("the pack is too large")
	ErrDiskFull     = errors.New("the server's disk is full")
	ErrRefused      = errors.New("the reference cannot be set")
)
