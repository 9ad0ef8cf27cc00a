package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestYAMLHasTheNamesAndOrderOfJSONAndCommandsNoTerminal(t *testing.T) {
	texts := []string{"plain", "", "yes", "0x10", "1e3", "null", "~", "- a", "a: b", "# c", "two\nlines", "ends\n", " spaced ", "ünï 😀", `back\slash "quote"`, "\x1b[31mred", "a\x07b\u009b2J", "tab\tand\x1b", "\x1b\nlines: x", "2026-11-22T18:43:16Z"}
	type one struct {
		Zulu  string            `json:"zulu"`
		Alpha []string          `json:"alpha"`
		Env   map[string]string `json:"env"`
		N     int               `json:"n"`
		F     float64           `json:"f"`
		None  *int              `json:"none"`
	}
	want := []one{{Zulu: "z", Alpha: texts, Env: map[string]string{"K": "v\x1b"}, N: 3, F: 0.5}}
	text, err := yamlOf(want)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(string(text), obeyed) {
		t.Errorf("a terminal would obey this:\n%q", text)
	}
	if strings.Index(string(text), "zulu") > strings.Index(string(text), "alpha") {
		t.Errorf("the order is another one:\n%s", text)
	}
	var got []one
	if err := yaml.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v; want %+v, from\n%s", err, got, want, text)
	}
}
