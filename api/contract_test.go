package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"csph/api/wire"
	"csph/platform"
)

// parameter is a part of a path that stands for something.
var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// entry is one operation as the document has it.
type entry struct {
	method, path string

	ID          string         `json:"operationId"`
	Right       platform.Right `json:"x-csph-right"`
	Parameters  []field        `json:"parameters"`
	RequestBody struct {
		Content map[string]struct{ Schema schema } `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct{ Schema schema } `json:"content"`
	} `json:"responses"`
}

type field struct {
	Name   string `json:"name"`
	In     string `json:"in"`
	Schema schema `json:"schema"`
}

// schema is what the tests read of a JSON schema.
type schema struct {
	Ref           string            `json:"$ref"`
	Type          any               `json:"type"`
	Properties    map[string]schema `json:"properties"`
	Required      []string          `json:"required"`
	Items         *schema           `json:"items"`
	Extra         any               `json:"additionalProperties"`
	Enum          []any             `json:"enum"`
	MinProperties int               `json:"minProperties"`
	MinItems      int               `json:"minItems"`
	Minimum       *float64          `json:"minimum"`
}

// contract is the document, read.
type contract struct {
	entries []entry
	schemas map[string]schema
}

func (w world) contract(t *testing.T) contract {
	t.Helper()
	d := w.document(t)
	c := contract{schemas: map[string]schema{}}
	for name, raw := range d.Components.Schemas {
		var s schema
		decode(t, raw, &s)
		c.schemas[name] = s
	}
	for path, methods := range d.Paths {
		for method, raw := range methods {
			e := entry{method: strings.ToUpper(method), path: path}
			decode(t, raw, &e)
			c.entries = append(c.entries, e)
		}
	}
	slices.SortFunc(c.entries, func(a, b entry) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return c
}

func decode(t *testing.T, raw json.RawMessage, to any) {
	t.Helper()
	if err := json.Unmarshal(raw, to); err != nil {
		t.Fatal(err)
	}
}

// types are the types that a schema allows.
func (s schema) types() []string {
	switch v := s.Type.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return nil
}

func (c contract) resolve(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return c.schemas[name]
	}
	return s
}

// sample is the smallest value that a schema allows.
func (c contract) sample(s schema) any {
	s = c.resolve(s)
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	switch {
	case slices.Contains(s.types(), "object"):
		v := map[string]any{}
		for _, name := range s.Required {
			v[name] = c.sample(s.Properties[name])
		}
		for i := range s.MinProperties - len(v) {
			v[fmt.Sprintf("NAME_%d", i)] = "x"
		}
		return v
	case slices.Contains(s.types(), "array"):
		v := []any{}
		for range s.MinItems {
			v = append(v, c.sample(*s.Items))
		}
		return v
	case slices.Contains(s.types(), "integer"), slices.Contains(s.types(), "number"):
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 0
	case slices.Contains(s.types(), "boolean"):
		return false
	}
	return "x"
}

// body is a valid body of an operation, and its type.
func (c contract) body(t *testing.T, e entry) (io.Reader, string) {
	t.Helper()
	if media, ok := e.RequestBody.Content["application/json"]; ok {
		text, err := json.Marshal(c.sample(media.Schema))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(text), "application/json"
	}
	if _, ok := e.RequestBody.Content["multipart/form-data"]; !ok {
		return nil, ""
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	if err := parts.WriteField("request", "{}"); err != nil {
		t.Fatal(err)
	}
	if _, err := parts.CreateFormFile("source", "source.tar"); err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	return &form, parts.FormDataContentType()
}

// try sends a valid request of an operation to path.
func (w world) try(t *testing.T, c contract, e entry, path, token string) (*http.Response, []byte) {
	t.Helper()
	body, kind := c.body(t, e)
	if kind == "" {
		return w.request(t, e.method, path, token, nil)
	}
	return w.request(t, e.method, path, token, body, "Content-Type", kind)
}

// TestAnythingIsAnsweredWithSuccessOrAProblem sends requests that are nearly right, and holds that each answer is one that
// the document has: the schema's shape, or a problem that says what to do, and never a fault of the server.
func TestAnythingIsAnsweredWithSuccessOrAProblem(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	c := w.contract(t)
	chance := rand.New(rand.NewPCG(1, 2))
	odd := []string{"", "web", "x", "..", "%2F", "svc_", "dep_zzzz", "a%2Fb%2Fc%2Fd", "%00", "ünï", strings.Repeat("z", 300), "-1", "1e9", "'--"}
	pick := func() string { return odd[chance.IntN(len(odd))] }
	const rounds = 12
	for _, e := range c.entries {
		for range rounds {
			path := parameter.ReplaceAllStringFunc(e.path, func(string) string { return "x" + pick() })
			if chance.IntN(2) == 0 && len(e.Parameters) > 0 {
				if p := e.Parameters[chance.IntN(len(e.Parameters))]; p.In == "query" && p.Name != "follow" {
					path += "?" + p.Name + "=" + strings.ReplaceAll(pick(), "'", "%27")
				}
			}
			var body io.Reader
			if _, ok := e.RequestBody.Content["application/json"]; ok {
				body = bytes.NewReader(c.mutated(t, e, chance))
			}
			answer, text := w.request(t, e.method, path, w.Token, body, "Content-Type", "application/json")
			c.holds(t, e, path, answer, text)
		}
	}
}

// mutated is the body of an operation with something wrong in it.
func (c contract) mutated(t *testing.T, e entry, chance *rand.Rand) []byte {
	t.Helper()
	wrong := []any{nil, true, -1, 1e300, "", "x\x00y", []any{nil}, map[string]any{"a": map[string]any{}}, strings.Repeat("y", 100_000)}
	value := c.sample(e.RequestBody.Content["application/json"].Schema)
	s := c.resolve(e.RequestBody.Content["application/json"].Schema)
	object, ok := value.(map[string]any)
	if !ok || chance.IntN(8) == 0 {
		return []byte(`{"unclosed`)
	}
	for name := range s.Properties {
		if chance.IntN(3) == 0 {
			object[name] = wrong[chance.IntN(len(wrong))]
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// holds fails unless an answer is what the document says of the operation.
func (c contract) holds(t *testing.T, e entry, path string, answer *http.Response, text []byte) {
	t.Helper()
	if answer.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s %s: the answer has no request id", e.method, path)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		var p wire.Problem
		err := json.Unmarshal(text, &p)
		if err != nil || p.Status != answer.StatusCode || p.Code == "" || p.Detail == "" || p.RequestID == "" || answer.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s %s: %d %s", e.method, path, answer.StatusCode, text)
		}
		return
	}
	response, ok := e.Responses[fmt.Sprint(answer.StatusCode)]
	if !ok {
		t.Errorf("%s %s answers %d, which the document does not have", e.method, path, answer.StatusCode)
		return
	}
	media, ok := response.Content["application/json"]
	if !ok {
		return
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Errorf("%s %s: %v", e.method, path, err)
		return
	}
	if err := c.fits(media.Schema, value, e.ID); err != nil {
		t.Error(err)
	}
}

// fits compares a value with a schema: its type, that nothing required is missing and nothing unknown is there.
func (c contract) fits(s schema, value any, at string) error {
	s = c.resolve(s)
	kind := map[bool]string{true: "null"}[value == nil]
	switch v := value.(type) {
	case map[string]any:
		return c.objectFits(s, v, at)
	case []any:
		kind = "array"
		for i, one := range v {
			if s.Items == nil {
				return fmt.Errorf("%s is an array, which the document does not say", at)
			}
			if err := c.fits(*s.Items, one, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "integer"
		if slices.Contains(s.types(), "number") {
			kind = "number"
		}
	}
	if len(s.types()) > 0 && !slices.Contains(s.types(), kind) {
		return fmt.Errorf("%s is of type %s; the document says %v", at, kind, s.Type)
	}
	return nil
}

func (c contract) objectFits(s schema, v map[string]any, at string) error {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	for name, one := range v {
		property, ok := s.Properties[name]
		if !ok && (s.Extra == false || s.Extra == nil && len(s.Properties) > 0) && name != "$schema" {
			return fmt.Errorf("%s has %s, which is not in the document", at, name)
		}
		if !ok {
			continue
		}
		if err := c.fits(property, one, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}
