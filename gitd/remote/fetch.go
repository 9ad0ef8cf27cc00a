package remote

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Resolve asks a repository what commit a reference is at: a full name, or "" for the default branch. It
// returns the reference's full name with it. Errors are *platform.Failure, or platform.ErrInvalid.
func (c *Client) Resolve(ctx context.Context, r Repository, ref string) (name string, commit plumbing.Hash, err error) {
	session, advertised, err := c.open(ctx, r)
	if err != nil {
		return "", plumbing.ZeroHash, explain("read", r.URL, err)
	}
	defer session.Close()
	if ref == "" {
		ref = defaultBranch(advertised)
	}
	commit, ok := commitOf(advertised, ref)
	if !ok {
		return "", plumbing.ZeroHash, explain("read", r.URL, &RefError{Ref: ref, There: branches(advertised)})
	}
	return ref, commit, nil
}

func (c *Client) open(ctx context.Context, r Repository) (transport.UploadPackSession, *packp.AdvRefs, error) {
	session, err := c.connect(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer context.AfterFunc(ctx, func() { session.Close() })()
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		session.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, nil, err
	}
	return session, advertised, nil
}

// defaultBranch is what HEAD points to.
func defaultBranch(a *packp.AdvRefs) string {
	for _, value := range a.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(value, "HEAD:"); ok {
			return target
		}
	}
	return "refs/heads/main"
}

// commitOf is the commit of a reference; an annotated tag's is the one that it is on.
func commitOf(a *packp.AdvRefs, ref string) (plumbing.Hash, bool) {
	if id, ok := a.Peeled[ref]; ok {
		return id, true
	}
	id, ok := a.References[ref]
	return id, ok
}

const mostNamed = 10

func branches(a *packp.AdvRefs) []string {
	var all []string
	for name := range a.References {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			all = append(all, branch)
		}
	}
	slices.Sort(all)
	return all[:min(len(all), mostNamed)]
}

// Pack is a commit on its way, without its history.
type Pack struct {
	io.Reader
	Commit  plumbing.Hash   // what came: the commit that was asked for
	Shallow []plumbing.Hash // commits that come without their parents

	body    io.Closer
	session io.Closer
	forget  func() bool
}

// Close ends the fetch, also in the middle.
func (p *Pack) Close() error {
	p.forget()
	err := p.body.Close()
	p.session.Close() // the server may have hung up already
	return err
}

// Have is what is there already, so that it is not sent again.
type Have struct {
	Commits []plumbing.Hash
	Shallow []plumbing.Hash // those of them without their parents
}

// Fetch asks for a commit of a reference. A server that does not give a commit which is not at the end of a
// reference gives the reference's present one instead: Commit tells. The pack is read to its end, and closed, by the
// caller; the end of ctx ends it. Nothing is sent when the commit is in have: then the pack is nil.
func (c *Client) Fetch(ctx context.Context, r Repository, ref string, commit plumbing.Hash, have Have, progress io.Writer) (*Pack, error) {
	session, advertised, err := c.open(ctx, r)
	if err != nil {
		return nil, explain("read", r.URL, err)
	}
	tip, ok := commitOf(advertised, ref)
	if !ok {
		session.Close()
		return nil, explain("read", r.URL, &RefError{Ref: ref, There: branches(advertised)})
	}
	if commit != tip && !givesAny(advertised.Capabilities) {
		commit = tip
	}
	if slices.Contains(have.Commits, commit) {
		session.Close()
		return nil, nil
	}
	pack, err := request(ctx, session, advertised, commit, have, progress)
	if err != nil {
		session.Close()
		return nil, explain("fetched", r.URL, err)
	}
	return pack, nil
}

// FetchExactly is Fetch of a commit and of no other: one that is at the end of no reference is given by servers only that
// give any.
func (c *Client) FetchExactly(ctx context.Context, r Repository, commit plumbing.Hash, have Have, progress io.Writer) (*Pack, error) {
	if slices.Contains(have.Commits, commit) {
		return nil, nil
	}
	session, advertised, err := c.open(ctx, r)
	if err != nil {
		return nil, explain("read", r.URL, err)
	}
	if !givesAny(advertised.Capabilities) && !atAnEnd(advertised, commit) {
		session.Close()
		return nil, explain("fetched", r.URL, fmt.Errorf("its host gives the ends of branches and tags only, and commit %.7s is at none", commit))
	}
	pack, err := request(ctx, session, advertised, commit, have, progress)
	if err != nil {
		session.Close()
		return nil, explain("fetched", r.URL, err)
	}
	return pack, nil
}

// atAnEnd reports whether a commit is at the end of a reference.
func atAnEnd(a *packp.AdvRefs, commit plumbing.Hash) bool {
	for _, ends := range []map[string]plumbing.Hash{a.References, a.Peeled} {
		for _, id := range ends {
			if id == commit {
				return true
			}
		}
	}
	return false
}

// givesAny reports whether a server gives commits that are not at the end of a reference (gitprotocol-capabilities(5)).
func givesAny(l *capability.List) bool {
	return l.Supports(capability.AllowReachableSHA1InWant) || l.Supports("allow-any-sha1-in-want")
}

func request(ctx context.Context, session transport.UploadPackSession, a *packp.AdvRefs, commit plumbing.Hash, have Have, progress io.Writer) (*Pack, error) {
	order := packp.NewUploadPackRequestFromCapabilities(a.Capabilities)
	order.Wants = []plumbing.Hash{commit}
	order.Haves = have.Commits
	if a.Capabilities.Supports(capability.Shallow) {
		if err := order.Capabilities.Set(capability.Shallow); err != nil {
			return nil, fmt.Errorf("ask for one commit only: %w", err)
		}
		order.Depth, order.Shallows = packp.DepthCommits(1), have.Shallow
	}
	forget := context.AfterFunc(ctx, func() { session.Close() })
	answer, err := session.UploadPack(ctx, order)
	if err != nil {
		forget()
		return nil, err
	}
	return &Pack{Reader: demultiplex(order.Capabilities, answer, progress), Commit: commit, Shallow: answer.Shallows,
		body: answer, session: session, forget: forget}, nil
}

// demultiplex takes the pack out of the side band; what the server says beside it goes to progress.
func demultiplex(l *capability.List, r io.Reader, progress io.Writer) io.Reader {
	var kind sideband.Type
	switch {
	case l.Supports(capability.Sideband64k):
		kind = sideband.Sideband64k
	case l.Supports(capability.Sideband):
		kind = sideband.Sideband
	default:
		return r
	}
	d := sideband.NewDemuxer(kind, r)
	d.Progress = progress
	return d
}
