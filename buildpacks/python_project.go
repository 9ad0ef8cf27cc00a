package buildpacks

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// pyproject is what a plan needs of a pyproject.toml.
type pyproject struct {
	Project struct {
		Name           string            `toml:"name"`
		RequiresPython string            `toml:"requires-python"`
		Dependencies   []string          `toml:"dependencies"`
		Dynamic        []string          `toml:"dynamic"`
		Scripts        map[string]string `toml:"scripts"`
	} `toml:"project"`
	BuildSystem struct {
		Backend  string   `toml:"build-backend"`
		Requires []string `toml:"requires"`
	} `toml:"build-system"`
	Tool struct {
		Poetry struct {
			Name         string         `toml:"name"`
			Dependencies map[string]any `toml:"dependencies"`
			PackageMode  any            `toml:"package-mode"`
			Scripts      map[string]any `toml:"scripts"`
		} `toml:"poetry"`
		PDM struct {
			Distribution any `toml:"distribution"`
		} `toml:"pdm"`
		UV struct {
			Package any `toml:"package"`
		} `toml:"uv"`
		FastAPI struct {
			Entrypoint string `toml:"entrypoint"`
		} `toml:"fastapi"`
	} `toml:"tool"`

	has map[string]bool // tables that are there: project, tool.poetry, …
}

// pyprojectTables are the tables whose being there means something.
var pyprojectTables = []string{"project", "project.dependencies", "build-system", "tool.poetry", "tool.pdm", "tool.uv"}

func readPyproject(s source) (pyproject, error) {
	content, ok, err := s.read("pyproject.toml")
	if err != nil || !ok {
		return pyproject{}, err
	}
	return parsePyproject(string(content))
}

func parsePyproject(content string) (pyproject, error) {
	var p pyproject
	meta, err := toml.Decode(strings.TrimPrefix(content, "\ufeff"), &p)
	if err != nil {
		return pyproject{}, tomlSyntax("pyproject.toml", err, "correct it; `pip install --dry-run .` shows whether pip can read it")
	}
	p.has = map[string]bool{}
	for _, table := range pyprojectTables {
		p.has[table] = meta.IsDefined(strings.Split(table, ".")...)
	}
	return p, nil
}

// isPackage tells whether the project itself is to be installed, and not only what it needs.
func (p pyproject) isPackage() bool {
	switch {
	case p.Tool.UV.Package == true:
		return true
	case p.Tool.UV.Package == false, p.Tool.Poetry.PackageMode == false, p.Tool.PDM.Distribution == false:
		return false
	}
	return p.has["build-system"]
}

// script is the single command that the project installs, or "".
func (p pyproject) script() string {
	var names []string
	for name := range p.Project.Scripts {
		names = append(names, name)
	}
	for name := range p.Tool.Poetry.Scripts {
		if p.Project.Scripts[name] == "" {
			names = append(names, name)
		}
	}
	if len(names) != 1 || !p.isPackage() || !plainWord.MatchString(names[0]) {
		return ""
	}
	return names[0]
}
