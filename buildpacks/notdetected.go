package buildpacks

import (
	"slices"
	"strings"
)

const (
	shownFiles  = 20
	nestedDepth = 3 // how deep folders are looked at for what could be deployed
)

// notDetected gathers what the error tells: what was looked for, and what is there.
func notDetected(j job) error {
	e := &NotDetectedError{Found: j.list(".")}
	var languages []string
	files := map[string][]string{}
	for _, d := range detectors() {
		if len(d.looks) > 0 && !slices.Contains(languages, d.language) {
			languages = append(languages, d.language)
		}
		files[d.language] = append(files[d.language], d.looks...)
	}
	for _, language := range languages {
		e.Looked = append(e.Looked, languageName(language)+" ("+strings.Join(files[language], ", ")+")")
	}
	e.Found = slices.DeleteFunc(e.Found, func(name string) bool { return name == ".git/" })
	if len(e.Found) > shownFiles {
		e.Found = append(e.Found[:shownFiles:shownFiles], "…")
	}
	return e
}

// noStart is the error of a source that was detected but has nothing to start.
func noStart(p *Plan) error {
	return &IncompleteError{Language: p.Language, Missing: "nothing says how to start it",
		Advice: "add a Procfile with `web: COMMAND`, or give --run 'CMD'"}
}
