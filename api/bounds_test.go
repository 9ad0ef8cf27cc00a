package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"csph/api/wire"
)

// bounds are what a JSON schema says of one value beside its type.
type bounds struct {
	Ref       string   `json:"$ref"`
	Type      any      `json:"type"`
	Enum      []any    `json:"enum"`
	MinLength *int     `json:"minLength"`
	MaxLength *int     `json:"maxLength"`
	Minimum   *float64 `json:"minimum"`
	Maximum   *float64 `json:"maximum"`
	MinItems  *int     `json:"minItems"`
	MaxItems  *int     `json:"maxItems"`
}

// outside lists values that are just outside of what b allows, and of other types, each by what is wrong with it.
func (b bounds) outside() map[string]any {
	wrong := map[string]any{}
	types := schema{Type: b.Type}.types()
	is := func(kind string) bool { return slices.Contains(types, kind) }
	if len(types) == 0 {
		return wrong // a reference: its own bounds are those of its properties
	}
	for kind, value := range map[string]any{"string": "x", "integer": 7, "number": 7.5, "boolean": true, "object": map[string]any{"a": []any{1}}, "array": []any{map[string]any{}, 7, "x"}} {
		if !is(kind) && !(kind == "integer" && is("number")) && !(kind == "object" && is("array")) {
			wrong["a "+kind] = value
		}
	}
	if len(b.Enum) > 0 {
		wrong["none of the enum"] = "none-of-these"
	}
	if b.MinLength != nil && *b.MinLength > 0 {
		wrong["too short"] = strings.Repeat("é", *b.MinLength-1)
	}
	if b.MaxLength != nil && is("string") && *b.MaxLength < 100_000 {
		wrong["too long"] = strings.Repeat("é", *b.MaxLength+1)
	}
	if b.Minimum != nil {
		wrong["too small"] = *b.Minimum - 1
	}
	if b.Maximum != nil {
		wrong["too large"] = *b.Maximum + 1
	}
	if b.MaxItems != nil && *b.MaxItems < 10_000 {
		wrong["too many"] = slices.Repeat([]any{"x"}, *b.MaxItems+1)
	}
	if b.MinItems != nil && *b.MinItems > 0 {
		wrong["too few"] = []any{}
	}
	return wrong
}

// TestEveryBoundThatTheDocumentSaysIsKept sends each body with one thing wrong in it: a value outside of its bounds or of
// another type, a required one missing, an unknown one. Each is refused as invalid, before anything is done.
func TestEveryBoundThatTheDocumentSaysIsKept(t *testing.T) {
	w := start(t)
	c := w.contract(t)
	raw := map[string]map[string]bounds{}
	for name, text := range w.document(t).Components.Schemas {
		var s struct{ Properties map[string]bounds }
		decode(t, text, &s)
		raw[name] = s.Properties
	}
	tried := 0
	for _, e := range c.entries {
		media, ok := e.RequestBody.Content["application/json"]
		if !ok {
			continue
		}
		right, ok := c.sample(media.Schema).(map[string]any)
		if !ok {
			continue
		}
		try := func(what string, change func(map[string]any)) {
			tried++
			body := maps.Clone(right)
			change(body)
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			w.refusesAsInvalid(t, e, what, text)
		}
		properties := raw[strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")]
		for name, b := range properties {
			for what, value := range b.outside() {
				try(name+" is "+what, func(body map[string]any) { body[name] = value })
			}
		}
		for _, name := range c.resolve(media.Schema).Required {
			try(name+" is missing", func(body map[string]any) { delete(body, name) })
		}
		try("unknown is there", func(body map[string]any) { body["unknown"] = 1 })
	}
	if tried < 200 {
		t.Errorf("only %d bodies were tried", tried)
	}
}

func (w world) refusesAsInvalid(t *testing.T, e entry, what string, body []byte) {
	t.Helper()
	path := parameter.ReplaceAllString(e.path, "x")
	answer, text := w.request(t, e.method, path, w.Token, bytes.NewReader(body), "Content-Type", "application/json")
	var p wire.Problem
	err := json.Unmarshal(text, &p)
	if err != nil || answer.StatusCode != http.StatusUnprocessableEntity || p.Code != wire.CodeInvalid || len(p.Errors) == 0 ||
		answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s where %s: %d %.300s", e.ID, what, answer.StatusCode, text)
	}
}
