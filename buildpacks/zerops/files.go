package zerops

import (
	"bufio"
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Selection is one entry of deployFiles or addToRunPrepare: files of /build/source, and where they go.
type Selection struct {
	As string `json:"as"` // as written
	// Below is the folder of /build/source whose path is left out at the destination: what is before ~. It may
	// hold wildcards.
	Below string `json:"below,omitempty"`
	// Match is what is taken, relative to Below, wildcards as in path.Match; "." is all of it.
	Match string `json:"match"`
}

// Pattern is the selection as one pattern relative to /build/source.
func (s Selection) Pattern() string { return path.Join(s.Below, s.Match) }

// selection reads an entry. Its problem is "" where it has none.
func selection(written string) (s Selection, problem string) {
	s.As = written
	below, match, stripped := strings.Cut(written, "~")
	if !stripped {
		below, match = "", written
	}
	if strings.Contains(match, "~") {
		return s, "holds more than one ~"
	}
	s.Below, s.Match = path.Clean("/" + below)[1:], path.Clean("/" + match)[1:]
	if s.Match == "" {
		s.Match = "."
	}
	if outside(below) || outside(match) || strings.ContainsRune(written, 0) {
		return s, "leads out of the source"
	}
	if _, err := path.Match(s.Pattern(), ""); err != nil {
		return s, "is no pattern: a [ has no ]"
	}
	return s, ""
}

// outside reports whether a path leads out of the folder that it is relative to.
func outside(p string) bool {
	clean := path.Clean("./" + strings.TrimPrefix(p, "/"))
	return clean == ".." || strings.HasPrefix(clean, "../")
}

// selections takes entries of deployFiles.
func (r *reader) selections(into *[]string) func(*node, string) {
	return r.checked(into, func(p string) string {
		_, problem := selection(p)
		return problem
	})
}

// paths takes paths within /build/source or /var/www, clean, with wildcards.
func (r *reader) paths(into *[]string) func(*node, string) {
	return func(n *node, at string) {
		var written []string
		r.checked(&written, badPath)(n, at)
		for _, p := range written {
			*into = append(*into, cleanPath(p))
		}
	}
}

func badPath(p string) string {
	_, err := path.Match(p, "")
	switch {
	case outside(p) || strings.ContainsRune(p, 0):
		return "leads out of the folder"
	case err != nil:
		return "is no pattern: a [ has no ]"
	}
	return ""
}

// siteFolder is what may be written into the configuration of a web server as it is.
var siteFolder = regexp.MustCompile(`^[\pL\pN ._/-]+$`)

// path takes the folder of a site.
func (r *reader) path(into *string) func(*node, string) {
	return func(n *node, at string) {
		var value string
		if r.text(&value)(n, at); value == "" {
			return
		}
		if !siteFolder.MatchString(value) {
			r.report(n, at, "use letters, digits, spaces and ._-/", "%q is no folder of a site", shorten(value))
			return
		}
		if problem := badPath(value); problem != "" {
			r.report(n, at, "", "%s %s", shorten(value), problem)
			return
		}
		*into = cleanPath(value)
	}
}

func cleanPath(p string) string {
	clean := path.Clean("/" + p)[1:]
	if clean == "" {
		return "."
	}
	return clean
}

// checked takes texts for which problem returns "".
func (r *reader) checked(into *[]string, problem func(string) string) func(*node, string) {
	return func(n *node, at string) {
		before := len(r.problems)
		var values []string
		r.texts(&values)(n, at)
		for _, v := range values {
			if p := problem(v); p != "" {
				r.report(n, at, "", "%s %s", shorten(v), p)
			}
		}
		if len(r.problems) == before {
			*into = append(*into, values...)
		}
	}
}

// Ignore reads a .deployignore as patterns of .dockerignore: with a zerops.yml relative to what is deployed, else to the source.
// The language is that of gitignore(5), but for patterns with an inner slash: they match at any depth unless they begin with
// a slash.
func Ignore(content []byte) []string {
	var patterns []string
	for sc := bufio.NewScanner(bytes.NewReader(content)); sc.Scan(); {
		p := strings.TrimRight(sc.Text(), " \t\r")
		if p == "" || strings.HasPrefix(p, "#") {
			continue
		}
		p, negated := strings.CutPrefix(p, "!")
		p = strings.TrimRight(strings.TrimPrefix(p, `\`), "/")
		if inner := strings.TrimLeft(p, "/"); inner != p {
			p = inner
		} else if p != "" && !strings.HasPrefix(p, "**/") {
			p = "**/" + p
		}
		if p == "" || slices.Contains(strings.Split(p, "/"), "..") {
			continue
		}
		if negated {
			p = "!" + p
		}
		patterns = append(patterns, p)
	}
	return patterns
}

// misplaced warns where a command names a path that ~ has shortened: the folder is not there at run time. It
// returns the path as written and as it should be, "" where there is none.
func misplaced(command string, selections []Selection) (written, instead string) {
	for _, word := range strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()'\"=", r) }) {
		p := strings.TrimPrefix(strings.TrimPrefix(word, "./"), "/var/www/")
		if p == "" || strings.HasPrefix(p, "/") || strings.HasPrefix(p, "-") {
			continue
		}
		kept := slices.ContainsFunc(selections, func(s Selection) bool { return s.Below == "" && covers(s.Match, p) })
		if kept {
			continue
		}
		for _, s := range selections {
			if s.Below != "" && strings.HasPrefix(p, s.Below+"/") {
				return word, strings.TrimPrefix(p, s.Below+"/")
			}
		}
	}
	return "", ""
}

// covers reports whether a pattern matches p or a folder above it.
func covers(pattern, p string) bool {
	for ; p != "." && p != "/"; p = path.Dir(p) {
		if ok, err := path.Match(pattern, p); ok && err == nil {
			return true
		}
	}
	return pattern == "."
}
