package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"csph/platform"
)

// Page is the part of a list that a request wants. It is exported because huma looks for parameters in exported fields only.
type Page struct {
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"Where to go on: what the Link header of the page before says"`
}

// PageOfService is the part of a list that a request wants, of one service or of all; exported for the same reason as Page.
type PageOfService struct {
	Page
	Service string `query:"service" doc:"Only those of this service"`
}

// after is the key of the last entry of the page before, empty for the first page.
func (p Page) after() (string, error) {
	key, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", fmt.Errorf("%w: the cursor %q is none; take it from the Link header of the page before", platform.ErrInvalid, p.Cursor)
	}
	return string(key), nil
}

// position is after for lists whose keys are numbers.
func (p Page) position() (int64, error) {
	key, err := p.after()
	if err != nil || key == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%w: the cursor %q is none of this list", platform.ErrInvalid, p.Cursor)
	}
	return n, nil
}

// listed is one page of a list, and where the next one is (RFC 8288).
type listed[T any] struct {
	Link string `header:"Link" doc:"The next page, with rel=next; absent on the last one"`
	Body []T
}

// paged answers with a page of which one entry too many was read, if there are that many.
func paged[T any](ctx context.Context, p Page, read []T, key func(T) string, err error) (*listed[T], error) {
	if err != nil {
		return nil, err
	}
	out := &listed[T]{Body: read}
	if len(read) > p.Limit {
		out.Body = read[:p.Limit]
		out.Link = nextLink(ctx, key(read[p.Limit-1]))
	}
	if out.Body == nil {
		out.Body = []T{}
	}
	return out, nil
}

func nextLink(ctx context.Context, after string) string {
	r := requestOf(ctx)
	query := url.Values{}
	for name, values := range r.query {
		query[name] = values
	}
	query.Set("cursor", base64.RawURLEncoding.EncodeToString([]byte(after)))
	return fmt.Sprintf("<%s?%s>; rel=\"next\"", r.path, query.Encode())
}

// short answers with a page of a list that is read whole: it has no more entries than people make by hand. Keys sort
// as the list does.
func short[T any](ctx context.Context, p Page, all []T, key func(T) string, err error) (*listed[T], error) {
	return pageBehind(ctx, p, all, key, func(key, after string) bool { return key > after }, err)
}

// recent is short for lists that begin with the newest, whose keys sort the other way round.
func recent[T any](ctx context.Context, p Page, all []T, key func(T) string, err error) (*listed[T], error) {
	return pageBehind(ctx, p, all, key, func(key, after string) bool { return key < after }, err)
}

// pageBehind answers with the page of all that begins with the first entry that follows the last one of the page before.
func pageBehind[T any](ctx context.Context, p Page, all []T, key func(T) string, follows func(key, after string) bool, err error) (*listed[T], error) {
	if err != nil {
		return nil, err
	}
	after, err := p.after()
	if err != nil {
		return nil, err
	}
	from := 0
	if after != "" {
		from = slices.IndexFunc(all, func(v T) bool { return follows(key(v), after) })
		if from < 0 {
			from = len(all)
		}
	}
	return paged(ctx, p, all[from:], key, nil)
}
