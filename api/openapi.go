package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
)

const (
	schemaPrefix = "#/components/schemas/"
	bearer       = "token"
)

// document is the OpenAPI document before any operation is in it.
func (s *Server) document() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       "csph",
			Version:     s.Version,
			Description: "Deploys services and tells how they are. Errors are problem+json (RFC 9457).",
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				bearer: {Type: "http", Scheme: "bearer", Description: "A token, csph_…"},
			},
		},
		Security: []map[string][]string{{bearer: {}}},
	}
}

// problemResponse documents how every operation fails.
func problemResponse(api huma.API) *huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	return &huma.Response{
		Description: "Error",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[wire.Problem](), true, "")},
		},
	}
}

// describe freezes the document. Huma's own form of errors, which transform replaces, is taken out.
func (s *Server) describe(api huma.API) error {
	schemas := api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	text, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("encode OpenAPI document: %w", err)
	}
	s.openAPI = text
	s.docs, err = renderDocs(api.OpenAPI())
	return err
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(s.openAPI) // the client went away: nothing is left to be done
}
