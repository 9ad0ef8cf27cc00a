package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"csph/api/wire"
)

// streamed is a request whose body is read as it arrives, without huma.
type streamed struct{ body io.Reader }

// Resolve takes the body over from huma, which would read it whole.
func (b *streamed) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	r.Body = &patient{ReadCloser: r.Body, ctl: http.NewResponseController(w)}
	b.body = r.Body
	return nil
}

type findMissing struct {
	ServicePath
	Body wire.WantedContents
}

// sendContents is a request with several contents.
type sendContents struct {
	ServicePath
	streamed
}

type sendContent struct {
	ServicePath
	SHA256 string `path:"content" pattern:"^[0-9a-f]{64}$" doc:"Of the whole content"`
	Offset int64  `query:"offset" minimum:"0" doc:"Where the body goes on: how much is there already"`
	Size   int64  `query:"size" minimum:"0" doc:"Of the whole content, in bytes"`
	streamed
}

func (s *Server) contentOperations(api huma.API) {
	const path = "/v1/services/{service}/contents"
	op := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: path, summary: summary, tag: "deployments", part: true}
	}
	add(s, api, op("find-missing-contents", http.MethodPost, path+"/missing", "Which contents of files a service lacks, so that only those are sent"), s.findMissing)
	add(s, api, op("send-contents", http.MethodPost, path, "Send contents of files: a tar archive, gzipped or not, whose entries are named by their SHA-256"), s.sendContents)
	add(s, api, op("send-content", http.MethodPut, path+"/{content}", "Send one content, or the rest of one"), s.sendContent)
	paths := api.OpenAPI().Paths
	paths[path].Post.RequestBody = binaryBody("application/x-tar")
	paths[path+"/{content}"].Put.RequestBody = binaryBody("application/octet-stream")
}

func binaryBody(kind string) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
}

func (s *Server) findMissing(ctx context.Context, in *findMissing) (*body[[]wire.MissingContent], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	lacking, err := s.uploads.Missing(svc.ID, in.Body.Contents)
	missing := make([]wire.MissingContent, len(lacking))
	for i, lack := range lacking {
		missing[i] = wire.MissingContent{SHA256: lack.Sum, Received: lack.Received}
	}
	return answer(missing, err)
}

func (s *Server) sendContents(ctx context.Context, in *sendContents) (*body[wire.KeptContents], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	files, bytes, err := s.uploads.Keep(ctx, svc.ID, in.body)
	return answer(wire.KeptContents{Files: files, Bytes: bytes}, err)
}

func (s *Server) sendContent(ctx context.Context, in *sendContent) (*body[wire.MissingContent], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	received, err := s.uploads.Append(ctx, svc.ID, in.SHA256, in.Offset, in.Size, in.body)
	return answer(wire.MissingContent{SHA256: in.SHA256, Received: received}, err)
}
