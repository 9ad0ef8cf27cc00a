package buildpacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// AppJSON is what a plan takes of an app.json (the manifest of Heroku's buttons and review apps).
type AppJSON struct {
	Env       map[string]AppVariable
	Formation map[string]AppFormation
}

// AppVariable is one variable that an app wants.
type AppVariable struct {
	Value       string `json:"value"`
	Description string `json:"description"`
	Generator   string `json:"generator"` // "secret" asks for a random value
	Required    *bool  `json:"required"`  // nil means true
}

// UnmarshalJSON takes a bare string as the value.
func (v *AppVariable) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &v.Value) == nil {
		return nil
	}
	type plain AppVariable
	return json.Unmarshal(b, (*plain)(v))
}

// AppFormation is how many of a process type are wanted.
type AppFormation struct {
	Quantity int    `json:"quantity"`
	Size     string `json:"size"`
}

// variableName admits what a shell can carry.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// systemVariables are set by the platform, whatever an app.json says.
var systemVariables = []string{"PORT", "PATH", "HOME", "USER", "SHELL", "LD_PRELOAD", "LD_LIBRARY_PATH"}

// ParseAppJSON reads an app.json. What is no JSON object, or has a variable whose name or value cannot be one, is a
// *SyntaxError with its line; fields that mean nothing here are left out.
func ParseAppJSON(content []byte) (AppJSON, error) {
	var file struct {
		Env       map[string]AppVariable  `json:"env"`
		Formation map[string]AppFormation `json:"formation"`
	}
	const advice = "env is an object of variables, each a string or an object with value, description, required and generator"
	if err := json.Unmarshal(content, &file); err != nil {
		return AppJSON{}, &SyntaxError{File: "app.json", Line: jsonLine(content, err), Problem: err.Error(), Advice: advice}
	}
	for name, v := range file.Env {
		if !variableName.MatchString(name) || strings.ContainsRune(v.Value, 0) {
			return AppJSON{}, &SyntaxError{File: "app.json", Problem: fmt.Sprintf("%q cannot be a variable", shorten(name)), Advice: advice}
		}
	}
	return AppJSON{Env: file.Env, Formation: file.Formation}, nil
}

// readAppJSON reads app.json where it is one of these: files of that name that belong to other tools (Expo's, of React
// Native) count as absent.
func readAppJSON(s source) (AppJSON, error) {
	content, ok, err := s.read("app.json")
	if err != nil || !ok {
		return AppJSON{}, err
	}
	var other map[string]json.RawMessage
	if json.Unmarshal(content, &other) == nil && (other["expo"] != nil || other["env"] == nil && other["formation"] == nil) {
		return AppJSON{}, nil
	}
	return ParseAppJSON(content)
}

// apply makes defaults part of the run image, where variables of the service win, and says how to set the rest.
func (a AppJSON) apply(p *Plan) {
	var defaults []string
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		v := a.Env[name]
		switch {
		case slices.Contains(systemVariables, name):
			p.warn("app.json: %s is set by the platform; its value is left out", name)
		case v.Generator == "secret":
			p.warn("app.json wants a secret in %s: csph services set-secret %s=$(openssl rand -hex 32)", name, name)
		case v.Value != "" && p.Dockerfile == "":
			if p.Env == nil {
				p.Env = map[string]string{}
			}
			p.Env[name] = v.Value
			defaults = append(defaults, name)
		case v.Required == nil || *v.Required:
			p.warn("app.json wants %s%s: csph services set-env %s=VALUE", name, inBrackets(v.Description), name)
		}
	}
	if len(defaults) > 0 {
		p.decide("defaults for "+strings.Join(defaults, ", "), "env in app.json", "csph services set-env NAME=VALUE")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Formation)) {
		if f := a.Formation[name]; f.Quantity > 0 {
			p.decide(fmt.Sprintf("formation: %s=%d", name, f.Quantity), "formation in app.json; counts belong to services here", fmt.Sprintf("csph services scale --count %d", f.Quantity))
		}
	}
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + shorten(firstLine(text)) + ")"
}
