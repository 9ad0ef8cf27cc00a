package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"csph/api/wire"
	"csph/platform"
)

// Upload deploys the source that pack writes as a tar, gzipped or not, and returns the deployment,
// queued. It blocks until the server has taken the whole archive; pack runs meanwhile in a goroutine
// that has ended when Upload returns.
func (c *Client) Upload(ctx context.Context, service string, n wire.NewDeployment, pack func(io.Writer) error) (platform.Deployment, error) {
	read, write := io.Pipe()
	form := multipart.NewWriter(write)
	packed := make(chan error, 1)
	go func() {
		err := writeForm(form, n, pack)
		packed <- err
		write.CloseWithError(err) // always nil by contract
	}()
	d, err := c.upload(ctx, service, form.FormDataContentType(), read)
	_ = read.CloseWithError(errAnswered) // always nil by contract; ends pack when the server answered early
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, errAnswered) && !errors.Is(packErr, io.ErrClosedPipe) {
		return platform.Deployment{}, packErr
	}
	return d, err
}

var errAnswered = errors.New("the server has answered before the upload was complete")

func (c *Client) upload(ctx context.Context, service, kind string, body io.Reader) (d platform.Deployment, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+pathOf("/v1/services/{}/uploads", service), body)
	if err != nil {
		return d, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", kind)
	err = c.do(r, &d)
	return d, err
}

func writeForm(form *multipart.Writer, n wire.NewDeployment, pack func(io.Writer) error) error {
	request, err := form.CreateFormField("request")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(request).Encode(n); err != nil {
		return err
	}
	source, err := form.CreateFormFile("source", "source.tar.gz")
	if err != nil {
		return err
	}
	if err := pack(source); err != nil {
		return err
	}
	return form.Close()
}
