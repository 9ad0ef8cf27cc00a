package buildpacks

import (
	"path"
	"slices"
	"strings"
)

const (
	shownFiles  = 20
	shownNested = 8
	nestedDepth = 3
)

// notDetected gathers what the error tells: what was looked for, what is there, and where a source may hide.
func notDetected(j job) error {
	e := &NotDetectedError{Found: j.list(".")}
	languages := map[string]string{}
	for _, d := range detectors() {
		for _, name := range d.looks {
			e.Looked = append(e.Looked, name+" ("+d.language+")")
			languages[name] = d.language
		}
	}
	e.Found = slices.DeleteFunc(e.Found, func(name string) bool { return name == ".git/" })
	if len(e.Found) > shownFiles {
		e.Found = append(e.Found[:shownFiles:shownFiles], "…")
	}
	shallow := func(dir string) bool { return depth(dir) < nestedDepth && !strings.HasPrefix(path.Base(dir), ".") }
	j.walk(".", shallow, func(name string) bool {
		if language := languages[path.Base(name)]; language != "" && depth(name) > 0 {
			e.Nested = append(e.Nested, name+" ("+language+")")
		}
		return len(e.Nested) < shownNested
	})
	return e
}

// noStart is the error of a source that was detected but has nothing to start.
func noStart(p *Plan) error {
	return &IncompleteError{Language: p.Language, Missing: "nothing says how to start it",
		Advice: "add a Procfile with `web: COMMAND`, or give --run 'CMD'"}
}
