package foreign

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"csph/cmd/csph/manifest"
	"csph/platform"
)

// App is what a file describes.
type App struct {
	Kind     string // of file
	Project  string // its own name for what it describes; may be empty
	Env      map[string]string
	Services []manifest.Service
	Notes    []string // what is left to be done by hand, or cannot be had
}

func (a *App) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

// add takes a service over; its secrets, and how it is deployed, are told.
func (a *App) add(s manifest.Service) {
	slices.Sort(s.Secrets)
	s.Secrets = slices.Compact(s.Secrets)
	a.Services = append(a.Services, s)
}

// names are the files that are looked for in a folder, in this order.
func names() []string {
	return []string{
		"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "config/deploy.yml", "fly.toml", "app.json",
		"zerops-project-import.yml", "zerops-import.yml", "import.yml", "import.yaml",
	}
}

// maxFile bounds what is read of one file.
const maxFile = 4 << 20

// Find is the file in a folder that describes an app. Several that could be meant are an error which names them.
func Find(dir fs.FS) (string, error) {
	var found []string
	for _, name := range names() {
		if _, err := fs.Stat(dir, name); err == nil {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("nothing here describes an app that can be taken over; looked for %s", strings.Join(names(), ", "))
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several files describe an app; say which one: %s", strings.Join(found, ", "))
}

// Read reads the file of that name in dir; what kind it is shows in its name and content.
func Read(dir fs.FS, name string) (App, error) {
	text, err := read(dir, name)
	if err != nil {
		return App{}, err
	}
	var app App
	switch {
	case path.Base(name) == "app.json":
		app, err = heroku(dir, path.Dir(name), text)
	case strings.HasSuffix(name, ".toml"):
		app, err = fly(text)
	default:
		app, err = readYAML(dir, name, text)
	}
	if err != nil {
		return App{}, fmt.Errorf("read %s: %w", name, err)
	}
	if len(app.Services) == 0 {
		app.note("%s names no service that runs here", name)
	}
	return app, nil
}

func read(dir fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MB", name, maxFile>>20)
	}
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

// readYAML tells the kinds of YAML apart by what is at their top.
func readYAML(dir fs.FS, name string, text []byte) (App, error) {
	var top struct {
		Services any    `yaml:"services"`
		Service  string `yaml:"service"`
		Image    string `yaml:"image"`
	}
	if err := yaml.Unmarshal(text, &top); err != nil {
		return App{}, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	switch top.Services.(type) {
	case []any:
		return zerops(text)
	case map[string]any:
		return compose(dir, path.Dir(name), text)
	}
	if top.Service != "" && top.Image != "" {
		return kamal(text)
	}
	return App{}, errors.New("it is none of Compose (services), Kamal (service, image) and Zerops (services with hostname)")
}

// label makes a name that a service can have.
func label(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// shapeFor is the smallest shape with so much memory, in bytes, and so many thousandths of a CPU; the largest when none has.
func shapeFor(memory, milliCPU int64) string {
	all := platform.Shapes()
	for _, s := range all {
		if s.Memory >= memory && s.MilliCPU >= milliCPU {
			return s.Name
		}
	}
	return all[len(all)-1].Name
}

// text is a scalar of YAML as a variable has it.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// command is a command as a shell takes it, of a line or a list of words.
func command(v any) *string {
	line := ""
	switch v := v.(type) {
	case string:
		line = v
	case []any:
		words := make([]string, len(v))
		for i, word := range v {
			words[i] = quoted(text(word))
		}
		line = strings.Join(words, " ")
	}
	if line == "" {
		return nil
	}
	return &line
}

// quoted is a word that a POSIX shell takes as it is.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
