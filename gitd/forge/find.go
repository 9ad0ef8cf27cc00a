package forge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"csph/platform"
)

// Bounds of looking for what was made before.
const (
	maxListing  = 8 << 20 // bytes of a page
	mostPages   = 5
	mostRetired = 30 // deployments that are made inactive
)

// mark is what tells that something was made for one subject, and by csph.
type mark string

func marker(r platform.Report) mark {
	sum := sha256.Sum256([]byte(r.Subject))
	return mark("csph-" + hex.EncodeToString(sum[:8]))
}

// hidden is the mark as part of a text in Markdown that nobody sees: a definition of a link that nothing refers to
// (CommonMark section 4.7). Comments of HTML are shown by Bitbucket.
func (m mark) hidden() string { return "[//]: # (" + string(m) + ")" }

// listing is one page of what there is of a kind.
type listing struct {
	path string   // below the base, with its query
	list []string // where in the answer the list is; nil: the answer is the list
	id   []string // where in one of them its handle is
	mark []string // where in one of them the mark would be
	full int      // how many a page has that may have another behind it; 0: there is one page
}

// find returns the handle of the comment with r's mark; "" when there is none among those that are looked at. A host that does
// not let comments be read, but written, has none.
func (t *telling) find(ctx context.Context, r platform.Report) (handle string, err error) {
	for page := 1; page <= mostPages; page++ {
		l := t.dialect.comments(t.site, r, page)
		all, err := t.list(ctx, l)
		var refused *RefusedError
		if errors.As(err, &refused) && !refused.Later {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if handle := l.marked(all, marker(r)); handle != "" || l.full == 0 || len(all) < l.full {
			return handle, nil
		}
	}
	return "", nil
}

// first returns the handle of the newest with a mark; "" when there is none.
func (t *telling) first(ctx context.Context, l listing, m mark) (handle string, err error) {
	all, err := t.list(ctx, l)
	return l.marked(all, m), err
}

func (t *telling) list(ctx context.Context, l listing) ([]any, error) {
	body, err := t.exchange(ctx, call{method: http.MethodGet, path: l.path}, maxListing)
	if err != nil {
		return nil, err
	}
	v, err := read(body)
	if err != nil {
		return nil, err
	}
	all, _ := at(v, l.list...).([]any) // what is no list has nothing in it
	return all, nil
}

// marked is the handle of the first with a mark, "" when none has it.
func (l listing) marked(all []any, m mark) string {
	for _, one := range all {
		if strings.Contains(text(at(one, l.mark...)), string(m)) {
			return text(at(one, l.id...))
		}
	}
	return ""
}

// retire says of all deployments that csph made to an environment that they are there no more.
func (t *telling) retire(ctx context.Context, r platform.Report) error {
	if t.dialect.deployments == nil {
		return nil
	}
	r.Commit = ""
	l := t.dialect.deployments(t.site, r)
	all, err := t.list(ctx, l)
	if err != nil {
		return err
	}
	for _, one := range all[:min(len(all), mostRetired)] {
		if !strings.HasPrefix(text(at(one, l.mark...)), "csph-") {
			continue
		}
		r.Handle = text(at(one, l.id...))
		if _, err := t.ask(ctx, t.dialect.outcome(t.site, r)); err != nil {
			return err
		}
	}
	return nil
}
