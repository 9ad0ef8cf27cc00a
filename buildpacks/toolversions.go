package buildpacks

import (
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// toolVersion finds a language's version in .tool-versions (asdf) or mise.toml, under any of its names; the
// zero Version where neither has it. The first of several versions counts, as those tools take it.
func (s source) toolVersion(names ...string) Version {
	if wanted := asdfVersion(s.text(".tool-versions"), names); wanted != "" {
		return Version{Wanted: wanted, Source: ".tool-versions"}
	}
	for _, file := range []string{"mise.toml", ".mise.toml"} {
		if wanted := miseVersion(s.text(file), names); wanted != "" {
			return Version{Wanted: wanted, Source: file}
		}
	}
	return Version{}
}

func asdfVersion(content string, names []string) string {
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) >= 2 && slices.Contains(names, words[0]) {
			return words[1]
		}
	}
	return ""
}

// miseVersion reads `node = "22"`, `node = ["22", "20"]` and `node = {version = "22"}` of [tools].
func miseVersion(content string, names []string) string {
	var file struct {
		Tools map[string]any `toml:"tools"`
	}
	if err := toml.Unmarshal([]byte(content), &file); err != nil {
		return ""
	}
	for _, name := range names {
		if wanted := miseValue(file.Tools[name]); wanted != "" {
			return wanted
		}
	}
	return ""
}

func miseValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return miseValue(v[0])
		}
	case map[string]any:
		if version, ok := v["version"].(string); ok {
			return version
		}
	}
	return ""
}
