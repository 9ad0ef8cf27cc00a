package buildpacks

import (
	"bytes"
	"encoding/json"
	"errors"
)

// packageJSON is what a plan needs of a package.json. Fields of an unexpected type count as absent, as npm
// itself takes most of them.
type packageJSON struct {
	Name            looseString    `json:"name"`
	Main            looseString    `json:"main"`
	Module          looseString    `json:"module"`
	PackageManager  looseString    `json:"packageManager"`
	Scripts         looseStrings   `json:"scripts"`
	Engines         looseStrings   `json:"engines"`
	Volta           looseStrings   `json:"volta"`
	Dependencies    looseStrings   `json:"dependencies"`
	DevDependencies looseStrings   `json:"devDependencies"`
	Optional        looseStrings   `json:"optionalDependencies"`
	Workspaces      workspaceGlobs `json:"workspaces"`
}

// looseString takes anything that is no string as "".
type looseString string

func (s *looseString) UnmarshalJSON(b []byte) error {
	var v string
	if json.Unmarshal(b, &v) != nil {
		v = ""
	}
	*s = looseString(v)
	return nil
}

// looseStrings is an object of strings; other values are left out, and what is no object is empty.
type looseStrings map[string]string

func (m *looseStrings) UnmarshalJSON(b []byte) error {
	var raw map[string]looseString
	*m = nil
	if json.Unmarshal(b, &raw) != nil || len(raw) == 0 {
		return nil
	}
	*m = make(looseStrings, len(raw))
	for k, v := range raw {
		if v != "" {
			(*m)[k] = string(v)
		}
	}
	return nil
}

// workspaceGlobs is a list of patterns, or an object with one under packages (yarn 1).
type workspaceGlobs []string

func (w *workspaceGlobs) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*w = list
		return nil
	}
	var object struct {
		Packages []string `json:"packages"`
	}
	if json.Unmarshal(b, &object) == nil {
		*w = object.Packages
	}
	return nil
}

// parsePackageJSON reads a package.json; one that is no JSON object is a *SyntaxError with its line.
func parsePackageJSON(file string, content []byte) (packageJSON, error) {
	var pkg packageJSON
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	err := json.Unmarshal(content, &pkg)
	if err == nil && !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		err = errors.New("it is not a JSON object")
	}
	if err == nil {
		return pkg, nil
	}
	return packageJSON{}, &SyntaxError{File: file, Line: jsonLine(content, err), Problem: err.Error(),
		Advice: "correct it; `npm pkg get name` shows whether npm can read it"}
}

// jsonLine is the line that a syntax error of JSON is in, 0 where the error is another.
func jsonLine(content []byte, err error) int {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return 0
	}
	return 1 + bytes.Count(content[:min(int(syntax.Offset), len(content))], []byte("\n"))
}

// needs tells whether a package is among the dependencies, those of development included.
func (p packageJSON) needs(name string) bool {
	return p.Dependencies[name] != "" || p.DevDependencies[name] != "" || p.Optional[name] != ""
}

func (p packageJSON) needsAny(names ...string) bool { return p.firstOf(names...) != "" }

// firstOf returns the first of names that is a dependency, or "".
func (p packageJSON) firstOf(names ...string) string {
	for _, name := range names {
		if p.needs(name) {
			return name
		}
	}
	return ""
}
