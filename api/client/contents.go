package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"csph/api/wire"
)

// MaxContents is how many contents one call may ask for.
const MaxContents = 5000

// MissingContents tells which of the contents (SHA-256, hexadecimal; at most MaxContents) a service lacks.
func (c *Client) MissingContents(ctx context.Context, service string, sums []string) ([]wire.MissingContent, error) {
	return ask[[]wire.MissingContent](ctx, c, http.MethodPost, pathOf("/v1/services/{}/contents/missing", service), wire.WantedContents{Contents: sums})
}

// SendContents sends contents in a tar, gzipped or not, whose entries are named by their SHA-256. It blocks until the server has
// taken them; what it took before an error stays there.
func (c *Client) SendContents(ctx context.Context, service string, pack io.Reader) (kept wire.KeptContents, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+pathOf("/v1/services/{}/contents", service), pack)
	if err != nil {
		return kept, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-tar")
	err = c.do(r, &kept)
	return kept, err
}

// SendContent sends one content of size bytes from offset on. What arrived before an error stays there.
func (c *Client) SendContent(ctx context.Context, service, sum string, offset, size int64, rest io.Reader) (at wire.MissingContent, err error) {
	query := url.Values{"offset": {strconv.FormatInt(offset, 10)}, "size": {strconv.FormatInt(size, 10)}}
	to := c.base + pathOf("/v1/services/{}/contents/{}", service, sum) + "?" + query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, to, rest)
	if err != nil {
		return at, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	err = c.do(r, &at)
	return at, err
}
