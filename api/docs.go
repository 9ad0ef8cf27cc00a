package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsPage string

// docsOperation is one operation as the page shows it.
type docsOperation struct {
	ID, Method, Path, Summary, Right, Body, Answer string
	Parameters                                     []*huma.Param
}

// docsGroup is the operations of one tag.
type docsGroup struct {
	Name       string
	Operations []docsOperation
}

// renderDocs makes the page that describes every operation: one file, which asks nobody else for anything.
func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	page, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("read the docs page: %w", err)
	}
	var out bytes.Buffer
	err = page.Execute(&out, struct {
		Title, Version string
		Groups         []docsGroup
		Schemas        map[string]*huma.Schema
	}{doc.Info.Title, doc.Info.Version, groupsOf(doc), doc.Components.Schemas.Map()})
	if err != nil {
		return nil, fmt.Errorf("render the docs page: %w", err)
	}
	return out.Bytes(), nil
}

func groupsOf(doc *huma.OpenAPI) []docsGroup {
	byTag := map[string][]docsOperation{}
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if op != nil {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], docsOperation{
					ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Right: fmt.Sprint(op.Extensions[rightExtension]),
					Parameters: op.Parameters, Body: bodyName(op), Answer: answerName(op),
				})
			}
		}
	}
	var groups []docsGroup
	for name, operations := range byTag {
		slices.SortFunc(operations, func(a, b docsOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		groups = append(groups, docsGroup{name, operations})
	}
	slices.SortFunc(groups, func(a, b docsGroup) int { return cmp.Compare(a.Name, b.Name) })
	return groups
}

func bodyName(op *huma.Operation) string {
	if op.RequestBody == nil {
		return ""
	}
	return schemaName(op.RequestBody.Content)
}

func answerName(op *huma.Operation) string {
	for status, response := range op.Responses {
		if strings.HasPrefix(status, "2") {
			return schemaName(response.Content)
		}
	}
	return ""
}

// schemaName is what a body is made of: a schema's name, [] behind it for a list.
func schemaName(content map[string]*huma.MediaType) string {
	for kind, media := range content {
		switch s := media.Schema; {
		case s == nil:
		case s.Ref != "":
			return strings.TrimPrefix(s.Ref, schemaPrefix)
		case s.Items != nil && s.Items.Ref != "":
			return strings.TrimPrefix(s.Items.Ref, schemaPrefix) + "[]"
		}
		return kind
	}
	return ""
}

func (s *Server) serveDocs(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(s.docs) // the client went away: nothing is left to be done
}
