package buildpacks

import (
	"regexp"
	"strings"
)

// plainPatch stands for the newest release of a series: offered versions are series ("3.12"), whose images carry their
// newest release.
const plainPatch = ".999"

// newestSatisfying resolves a range to the newest of offered, series that are sorted newest first: one whose newest
// release satisfies, else one that some release of satisfies that the range names, or its first; that release is
// returned then, written out. It returns "" where none does. Languages bring the rule of their ranges.
func newestSatisfying(offered []string, wanted string, satisfies func(version string) bool) string {
	for _, series := range offered {
		if satisfies(series + plainPatch) {
			return series
		}
	}
	for _, series := range offered {
		for _, named := range plainVersion.FindAllString(wanted, -1) {
			if strings.HasPrefix(named, series+".") && satisfies(named) {
				return named
			}
		}
		if satisfies(series + ".0") {
			return series + ".0"
		}
	}
	return ""
}

// pinned is a version without operators, under the names that version files give it: "3.12.4", "v3.12", "3", "3.12.x".
var pinned = regexp.MustCompile(`^v?([0-9]+)(?:\.([0-9]+|x|\*))?(?:\.([0-9]+|x|\*))?$`)

// seriesOf resolves a version without operators to the newest of offered that it names a part of: "3.12.4" and "3.12"
// are 3.12, "3" is the newest 3; "latest" is the newest of all. It returns "" where none is named.
func seriesOf(offered []string, wanted string) string {
	if wanted == "latest" || wanted == "*" {
		return offered[0]
	}
	m := pinned.FindStringSubmatch(wanted)
	if m == nil {
		return ""
	}
	for _, series := range offered {
		major, minor, _ := strings.Cut(series, ".")
		if major == m[1] && (m[2] == minor || m[2] == "" || m[2] == "x" || m[2] == "*") {
			return series
		}
	}
	return ""
}
