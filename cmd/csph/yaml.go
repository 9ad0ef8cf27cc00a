package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
)

// yamlOf is v as YAML, with the names and the order that it has as JSON. Texts that hold control characters are quoted with
// escapes: YAML allows them in no other way (YAML 1.2.2 section 5.1), and a terminal would obey them.
func yamlOf(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.UnmarshalWithOptions(text, &tree, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	return yaml.Marshal(quoteControls(tree))
}

// quoteControls has every text in a tree that holds control characters marshalled in quotes. Keys are names that hold none.
func quoteControls(tree any) any {
	switch v := tree.(type) {
	case string:
		if strings.ContainsFunc(v, obeyed) {
			return quoted(v)
		}
	case []any:
		for i := range v {
			v[i] = quoteControls(v[i])
		}
	case yaml.MapSlice:
		for i := range v {
			v[i].Value = quoteControls(v[i].Value)
		}
	}
	return tree
}

// obeyed reports whether a terminal might take r for a command. Ends of lines it may.
func obeyed(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// quoted is a text that is marshalled in double quotes.
type quoted string

func (q quoted) MarshalYAML() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range string(q) {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case obeyed(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return []byte(b.String()), nil
}
