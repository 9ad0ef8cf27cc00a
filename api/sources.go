package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"csph/api/wire"
	"csph/deploy"
	"csph/platform"
)

// uploadIdle is how long an upload may stand still.
const uploadIdle = time.Minute

// upload is a request whose body is read as it arrives.
type upload struct {
	ServicePath
	parts func() (*multipart.Reader, error)
}

// Resolve takes the body over from huma, which would read it whole.
func (u *upload) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	r.Body = &patient{ReadCloser: r.Body, ctl: http.NewResponseController(w)}
	u.parts = r.MultipartReader
	return nil
}

// patient gives every read of a body a deadline of its own, and takes it back at the end.
type patient struct {
	io.ReadCloser
	ctl *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.deadline(time.Now().Add(uploadIdle)); err != nil {
		return 0, err
	}
	n, err := p.ReadCloser.Read(b)
	if lifted := p.deadline(time.Time{}); err == nil {
		err = lifted
	}
	return n, err
}

func (p *patient) deadline(at time.Time) error {
	if err := p.ctl.SetReadDeadline(at); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set read deadline: %w", err)
	}
	return nil
}

func (s *Server) sourceOperations(api huma.API) {
	const path = "/v1/services/{service}/uploads"
	add(s, api, operation{
		id: "upload-source", method: http.MethodPost, path: path, tag: "deployments",
		summary: "Deploy a source: a tar archive, gzipped or not", status: http.StatusAccepted,
	}, s.upload)
	// Only now, for the document: huma reads the bodies of operations that are registered with one.
	api.OpenAPI().Paths[path].Post.RequestBody = uploadBody()
	s.contentOperations(api)
}

// uploadBody documents the body of an upload.
func uploadBody() *huma.RequestBody {
	schema := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"request", "source"},
		Properties: map[string]*huma.Schema{
			"request": {Type: huma.TypeString, Description: "First: a NewDeployment without image, as JSON"},
			"source":  {Type: huma.TypeString, Format: "binary", Description: "Second: the archive"},
		},
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: schema}}}
}

func (s *Server) upload(ctx context.Context, in *upload) (*body[platform.Deployment], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	parts, err := in.parts()
	if err != nil {
		return nil, fmt.Errorf("%w: an upload is multipart/form-data: %w", platform.ErrInvalid, err)
	}
	wanted, err := readRequest(parts)
	if err != nil {
		return nil, err
	}
	archive, err := nextPart(parts, "source")
	if err != nil {
		return nil, err
	}
	source, err := s.uploads.Receive(ctx, svc.ID, archive)
	if err != nil {
		return nil, err
	}
	d, err := s.Deployer.Start(ctx, deploy.Request{
		Service: svc.ID, Source: source, NoCache: wanted.NoCache, Change: change(wanted.Change), Trigger: trigger(ctx, platform.TriggerDeploy),
	})
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return answer(d, nil)
}

// readRequest decodes the first part.
func readRequest(parts *multipart.Reader) (wire.NewDeployment, error) {
	var wanted wire.NewDeployment
	part, err := nextPart(parts, "request")
	if err != nil {
		return wanted, err
	}
	text, err := io.ReadAll(io.LimitReader(part, maxBody+1))
	switch {
	case err != nil:
		return wanted, fmt.Errorf("read the request part: %w", err)
	case len(text) > maxBody:
		return wanted, &http.MaxBytesError{Limit: maxBody}
	}
	return decodeRequest(text)
}

func decodeRequest(text []byte) (wanted wire.NewDeployment, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		return wanted, fmt.Errorf("%w: the request part is not the JSON it should be: %w", platform.ErrInvalid, err)
	}
	if wanted.Image != "" || wanted.Repo != "" || wanted.Branch != "" || wanted.Fetch {
		return wanted, fmt.Errorf("%w: a deployment has either an image, a repository or a source", platform.ErrInvalid)
	}
	return wanted, nil
}

func nextPart(parts *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := parts.NextRawPart()
	if errors.Is(err, io.EOF) || err == nil && part.FormName() != name {
		return nil, fmt.Errorf("%w: an upload has the parts request and source, in this order; %s is not where it should be", platform.ErrInvalid, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: read the %s part: %w", platform.ErrInvalid, name, err)
	}
	return part, nil
}
