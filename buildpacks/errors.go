package buildpacks

import (
	"fmt"
	"strings"
)

// NotDetectedError says that no buildpack knows the source.
type NotDetectedError struct {
	Looked []string // what was looked for: "Go (go.mod, go.work)"
	Found  []string // what is at the root of the source, at most 20 names
}

func (e *NotDetectedError) Error() string {
	var b strings.Builder
	b.WriteString("cannot tell how to build this source\n")
	fmt.Fprintf(&b, "  looked for: %s\n", strings.Join(e.Looked, ", "))
	found := strings.Join(e.Found, ", ")
	if found == "" {
		found = "nothing: the source is empty"
	}
	fmt.Fprintf(&b, "  found:      %s\n", found)
	b.WriteString("Three ways on:\n" +
		"  1. add a Dockerfile\n" +
		"  2. say it yourself: `web: COMMAND` in a Procfile, or --build 'CMD' and --run 'CMD'\n" +
		"     (of csph plan and csph deploy; csph services configure sets them for git push)\n" +
		"  3. for a static site, add an index.html (at the root or in public/) or a Staticfile")
	return b.String()
}

// AmbiguousError says that the source holds several programs and nothing tells which one to run.
type AmbiguousError struct {
	What       string   // "main packages"
	Candidates []string // "./cmd/api"
	Choose     []string // ways to choose, best first
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("several %s could be the one to run: %s\nTo choose one:\n  - %s",
		e.What, strings.Join(e.Candidates, ", "), strings.Join(e.Choose, "\n  - "))
}

// VersionError says that a wanted version of a language is not offered.
type VersionError struct {
	Language string   // "Node.js"
	Wanted   string   // as written
	Source   string   // where: "package.json engines.node"
	Offered  []string // newest first
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s %s (%s) is not offered; offered: %s\nChange %s, or add a Dockerfile",
		e.Language, shorten(e.Wanted), e.Source, strings.Join(e.Offered, ", "), e.Source)
}

// SyntaxError says that a file that decides the plan cannot be read as what it is.
type SyntaxError struct {
	File    string
	Line    int // from 1; 0 where it is not known
	Problem string
	Advice  string
}

func (e *SyntaxError) Error() string {
	place := e.File
	if e.Line > 0 {
		place = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return withAdvice(place+": "+e.Problem, e.Advice)
}

// IncompleteError says that the language is known but something that a plan needs is missing.
type IncompleteError struct {
	Language string
	Missing  string
	Advice   string
}

func (e *IncompleteError) Error() string {
	article := "a"
	if strings.HasPrefix(e.Language, "E") {
		article = "an"
	}
	return withAdvice(fmt.Sprintf("this is %s %s source, but %s", article, e.Language, e.Missing), e.Advice)
}

func withAdvice(text, advice string) string {
	if advice == "" {
		return text
	}
	return text + "\n" + advice
}
