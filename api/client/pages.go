package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
)

// pageSize is how many entries are asked for at once.
const pageSize = 1000

// all reads a list to its end.
func all[T any](ctx context.Context, c *Client, path string, q url.Values) ([]T, error) {
	return atMost[T](ctx, c, path, q, 0)
}

// atMost reads the first entries of a list; 0 means all.
func atMost[T any](ctx context.Context, c *Client, path string, q url.Values, most int) ([]T, error) {
	if q == nil {
		q = url.Values{}
	}
	q.Set("limit", strconv.Itoa(pageSize))
	if most > 0 {
		q.Set("limit", strconv.Itoa(min(most, pageSize)))
	}
	found := []T{}
	for next := path + "?" + q.Encode(); next != ""; {
		var some []T
		var err error
		if some, next, err = page[T](ctx, c, next); err != nil {
			return nil, err
		}
		found = append(found, some...)
		if most > 0 && len(found) >= most {
			return found[:most], nil
		}
	}
	return found, nil
}

// nextPage is the target of a link to the next page (RFC 8288).
var nextPage = regexp.MustCompile(`<(/v1/[^>]*)>; rel="next"`)

func page[T any](ctx context.Context, c *Client, path string) (some []T, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, "", fmt.Errorf("make request: %w", err)
	}
	answer, err := c.send(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&some); err != nil {
		return nil, "", fmt.Errorf("decode answer of %s: %w", c.base, err)
	}
	if link := nextPage.FindStringSubmatch(answer.Header.Get("Link")); link != nil {
		next = link[1]
	}
	return some, next, nil
}
