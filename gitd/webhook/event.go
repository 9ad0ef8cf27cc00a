package webhook

import (
	"slices"
	"strings"
)

// Event is what a delivery says, the same for all providers. The zero Event is of a kind that csph has no use for.
type Event struct {
	Ping       bool     // the provider only tries the address
	Changes    []Change // of references, by one push
	Pull       *Pull    // a pull request, or merge request, that changed
	Repository string   // owner/name, as the provider writes it
	Default    string   // its default branch; "" where the provider does not say
	Sender     string   // who pushed
}

// Change is one reference that a push has changed.
type Change struct {
	Ref     string // refs/heads/main, refs/tags/v1
	Commit  string // what it is now; "" when it was deleted
	Message string // of that commit; "" where the provider does not say
	// Paths are files that the push has touched; Whole says that there are no others.
	Paths []string
	Whole bool
}

// touched is what a provider says of the files of one commit.
type touched struct {
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

func (t touched) paths() []string { return slices.Concat(t.Added, t.Removed, t.Modified) }

// PullState is what became of a pull request.
type PullState string

// States of a pull request.
const (
	PullOpened  PullState = "opened"  // or opened again
	PullUpdated PullState = "updated" // its branch has moved
	PullClosed  PullState = "closed"  // merged or not
)

// Pull is a pull request that changed.
type Pull struct {
	Number int
	State  PullState
	Title  string
	Branch string // the branch that asks to be merged
	Commit string // its head
	Source string // owner/name of the repository that the branch is in: another one for forks
}

// Prefixes of references.
const (
	heads = "refs/heads/"
	tags  = "refs/tags/"
)

// Branch is the branch that changed, false when it is none.
func (c Change) Branch() (string, bool) { return strings.CutPrefix(c.Ref, heads) }

// Tag is the tag that changed, false when it is none.
func (c Change) Tag() (string, bool) { return strings.CutPrefix(c.Ref, tags) }

// Deleted reports whether the reference is gone.
func (c Change) Deleted() bool { return c.Commit == "" }

// Subject is the first line of the commit's message.
func (c Change) Subject() string {
	line, _, _ := strings.Cut(c.Message, "\n")
	return strings.TrimSpace(line)
}

// commitOr is a commit id, "" for the id of nothing, by which a provider says that a reference is gone.
func commitOr(id string) string {
	if strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}
