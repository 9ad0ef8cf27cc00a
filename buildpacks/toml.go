package buildpacks

import (
	"errors"

	"github.com/BurntSushi/toml"
)

// tomlString is the string under table.key of a TOML text, "" where there is none or the text is no TOML.
func tomlString(text, table, key string) string {
	var file map[string]any
	if toml.Unmarshal([]byte(text), &file) != nil {
		return ""
	}
	inner, ok := file[table].(map[string]any)
	if !ok {
		return ""
	}
	value, _ := inner[key].(string)
	return value
}

// tomlSyntax is the *SyntaxError of a file that is no TOML, with its line.
func tomlSyntax(file string, err error, advice string) error {
	e := &SyntaxError{File: file, Problem: err.Error(), Advice: advice}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		e.Line, e.Problem = parse.Position.Line, parse.Message
	}
	return e
}
