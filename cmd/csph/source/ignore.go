package source

import (
	"path"
	"strings"
)

// rules are the patterns of one file in gitignore(5) form; the last one that matches decides.
type rules struct {
	dir      string // of the file, relative to the packed folder; "." for its top
	patterns []pattern
}

type pattern struct {
	segments []string // of the glob; "**" matches any number of folders
	negated  bool
	dirOnly  bool
}

// parseRules reads the text of an ignore file that lies in dir.
func parseRules(dir, text string) rules {
	r := rules{dir: dir}
	for line := range strings.Lines(text) {
		if p, ok := parsePattern(strings.TrimRight(line, "\r\n")); ok {
			r.patterns = append(r.patterns, p)
		}
	}
	return r
}

func parsePattern(line string) (p pattern, ok bool) {
	line = trimSpaces(line)
	if line == "" || line[0] == '#' {
		return p, false
	}
	if line[0] == '!' {
		p.negated, line = true, line[1:]
	}
	line, p.dirOnly = strings.CutSuffix(line, "/")
	anchored := strings.Contains(line, "/")
	line = strings.ReplaceAll(strings.TrimPrefix(line, "/"), "[!", "[^")
	if line == "" {
		return p, false
	}
	if p.segments = strings.Split(line, "/"); !anchored {
		p.segments = append([]string{"**"}, p.segments...)
	}
	return p, true
}

// trimSpaces drops spaces at the end that no backslash protects.
func trimSpaces(line string) string {
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	return line
}

// verdict says whether r ignores name; decided is false when no pattern speaks of it.
func (r rules) verdict(name string, isDir bool) (ignored, decided bool) {
	if r.dir != "." {
		below, ok := strings.CutPrefix(name, r.dir+"/")
		if !ok {
			return false, false
		}
		name = below
	}
	segments := strings.Split(name, "/")
	for i := len(r.patterns) - 1; i >= 0; i-- {
		p := r.patterns[i]
		if p.dirOnly && !isDir || !matches(p.segments, segments) {
			continue
		}
		return !p.negated, true
	}
	return false, false
}

// matches reports whether the glob in pattern matches all of name. A trailing ** wants at least one segment.
func matches(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**" && len(pattern) == 1:
		return len(name) > 0
	case pattern[0] == "**":
		for i := range len(name) + 1 {
			if matches(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	case len(name) == 0:
		return false
	}
	ok, err := path.Match(pattern[0], name[0])
	return err == nil && ok && matches(pattern[1:], name[1:])
}
