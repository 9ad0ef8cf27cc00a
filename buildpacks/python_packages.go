package buildpacks

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// pythonPackages are the packages that a project asks for, by their normalised names (PEP 503), with the extras of each.
type pythonPackages map[string][]string

var (
	// requirement is the start of a dependency as PEP 508 writes it: psycopg[binary,pool]>=3.
	requirement = regexp.MustCompile(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?`)
	nameRuns    = regexp.MustCompile(`[-_.]+`)
	// quotedRequirement finds the dependencies in setup.py, which is code.
	quotedRequirement = regexp.MustCompile(`["']([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*(?:[<>=!~;][^"']*)?)["']`)
	installRequires   = regexp.MustCompile(`(?s)install_requires\s*=\s*\[(.*?)\]\s*[,)\n]`)
	plainWord         = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

func normalName(name string) string { return strings.ToLower(nameRuns.ReplaceAllString(name, "-")) }

func (p pythonPackages) has(name string) bool {
	_, ok := p[name]
	return ok
}

func (p pythonPackages) firstOf(names ...string) string {
	for _, name := range names {
		if p.has(name) {
			return name
		}
	}
	return ""
}

func (p pythonPackages) hasExtra(name, extra string) bool { return slices.Contains(p[name], extra) }

func (p pythonPackages) add(line string) {
	m := requirement.FindStringSubmatch(line)
	if m == nil {
		return
	}
	name := normalName(m[1])
	extras := p[name]
	for extra := range strings.SplitSeq(m[2], ",") {
		if extra = normalName(strings.TrimSpace(extra)); extra != "" {
			extras = append(extras, extra)
		}
	}
	p[name] = extras
}

// addTable takes the keys of a table of dependencies, as Poetry and Pipenv write them.
func (p pythonPackages) addTable(table map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if name == "python" {
			continue
		}
		p.add(name)
		options, _ := table[name].(map[string]any)
		extras, _ := options["extras"].([]any)
		for _, extra := range extras {
			if text, ok := extra.(string); ok {
				p[normalName(name)] = append(p[normalName(name)], normalName(text))
			}
		}
	}
}

// readPythonPackages gathers what the manifests of a project ask for, those of development left out.
func readPythonPackages(s source, project pyproject, m pythonManager) (pythonPackages, error) {
	p := pythonPackages{}
	for _, line := range project.Project.Dependencies {
		p.add(line)
	}
	p.addTable(project.Tool.Poetry.Dependencies)
	for _, file := range m.requirements {
		for _, line := range requirementLines(s.text(file)) {
			p.add(line)
		}
	}
	pipfile, err := readPipfile(s)
	if err != nil {
		return nil, err
	}
	p.addTable(pipfile.Packages)
	for _, m := range installRequires.FindAllStringSubmatch(s.text("setup.py"), -1) {
		for _, quoted := range quotedRequirement.FindAllStringSubmatch(m[1], -1) {
			p.add(quoted[1])
		}
	}
	return p, nil
}

// requirementLines are the lines of a requirements file that name a package: no options, no comments.
func requirementLines(content string) []string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(content, "\\\n", " ")) {
		line, _, _ = strings.Cut(line, " #")
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "-") {
			lines = append(lines, line)
		}
	}
	return lines
}

// includedRequirement finds other files that a requirements file takes in.
var includedRequirement = regexp.MustCompile(`(?m)^\s*(?:-r|--requirement|-c|--constraint)[ =]*([^\s#]+)`)

// maxRequirements bounds how many files of requirements are followed.
const maxRequirements = 50

// requirementFiles are a file of requirements and those it takes in, constraints included.
func (s source) requirementFiles(file string) []string {
	files := []string{file}
	for i := 0; i < len(files) && len(files) < maxRequirements; i++ {
		for _, m := range includedRequirement.FindAllStringSubmatch(s.text(files[i]), -1) {
			name := path.Join(path.Dir(files[i]), m[1])
			if insideSource(name) && s.isFile(name) && !slices.Contains(files, name) {
				files = append(files, name)
			}
		}
	}
	return files
}

// localRequirement finds requirements that are folders or archives of the source itself.
var localRequirement = regexp.MustCompile(`(?m)^\s*(?:-e|--editable)[ =]|^\s*\.|@\s*file:|\.(?:whl|tar\.gz|zip)\s*$|^\s*(?:-f|--find-links)`)

// pipfile is what a plan needs of a Pipfile.
type pipfile struct {
	Packages map[string]any `toml:"packages"`
	Requires struct {
		Version string `toml:"python_version"`
		Full    string `toml:"python_full_version"`
	} `toml:"requires"`
}

func readPipfile(s source) (pipfile, error) {
	var p pipfile
	content, ok, err := s.read("Pipfile")
	if err != nil || !ok {
		return p, err
	}
	if err := toml.Unmarshal(content, &p); err != nil {
		return pipfile{}, tomlSyntax("Pipfile", err, "correct it; `pipenv verify` shows whether Pipenv can read it")
	}
	return p, nil
}
