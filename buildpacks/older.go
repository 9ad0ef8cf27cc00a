package buildpacks

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// limit is the newest series of a language that a source can run on, and why; "" is no limit.
type limit struct{ series, why string }

// under are the series up to the limit, or all where that leaves none.
func (l limit) under(all []string) []string {
	if l.series == "" {
		return all
	}
	older := slices.DeleteFunc(slices.Clone(all), func(series string) bool { return newerSeries(series, l.series) })
	if len(older) == 0 {
		return all[len(all)-1:]
	}
	return older
}

// newerSeries compares two series: 3.14 is newer than 3.9.
func newerSeries(a, b string) bool {
	x, y := seriesNumbers(a), seriesNumbers(b)
	return slices.Compare(x, y) > 0
}

func seriesNumbers(series string) []int {
	var numbers []int
	for part := range strings.SplitSeq(series, ".") {
		n, _ := strconv.Atoi(part)
		numbers = append(numbers, n)
	}
	return numbers
}

// madeFor is the newest series of a language that a release of a framework, and those after it, is made for.
type madeFor struct{ release, series string }

// djangoPythons are the newest Pythons that each release of Django is made for, newest first; later ones than the first
// take all that are offered.
var djangoPythons = []madeFor{{"5.1", "3.13"}, {"5.0", "3.12"}, {"4.2", "3.12"}, {"4.1", "3.11"}, {"4.0", "3.10"}, {"3.2", "3.10"}, {"0", "3.9"}}

// railsRubies are the newest Rubies that each release of Rails is made for, newest first.
var railsRubies = []madeFor{{"8.1", "4.0"}, {"7.1", "3.4"}, {"7.0", "3.3"}, {"0", "3.1"}}

var (
	djangoLocked = regexp.MustCompile(`(?i)name = "django"\s+version = "([0-9]+\.[0-9]+)|"django": \{[^}]*"version": "==([0-9]+\.[0-9]+)`)
	djangoPinned = regexp.MustCompile(`(?im)^[\s"']*django(?:\[[^\]]*\])?["']?\s*(?:=\s*["'])?(==|~=|\^|~|)\s*([0-9]+)(\.[0-9]+)(\.[0-9*]+)?`)
	djangoBelow  = regexp.MustCompile(`(?im)^[\s"']*django(?:\[[^\]]*\])?["']?\s*[=<>"'][^\n#;]*<\s*([0-9]+(?:\.[0-9]+)?)`)
	// builtWheel finds files of packages that were compiled for one series of CPython each.
	builtWheel = regexp.MustCompile(`-cp3([0-9]+)-cp3[0-9]+m?-[^"\s]*\.whl`)
)

// pythonLimit is the newest Python that a Django of the source is made for, or that the packages were compiled for when
// the lockfile was made: with a newer one, old releases would have to be compiled, and most cannot be.
func (a *pythonApp) pythonLimit() limit {
	newest := a.wheelLimit()
	if django := a.djangoRelease(); django != "" {
		at := slices.IndexFunc(djangoPythons, func(made madeFor) bool { return !newerSeries(made.release, django) })
		made := djangoPythons[at]
		if !newerSeries(django, djangoPythons[0].release) && (newest.series == "" || newerSeries(newest.series, made.series)) {
			newest = limit{made.series, "it is the newest that Django " + django + " is made for"}
		}
	}
	return newest
}

// djangoRelease is the series of Django that is locked or pinned, or the newest below a bound; "" where nothing tells.
func (a *pythonApp) djangoRelease() string {
	for _, lock := range []string{"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"} {
		if m := djangoLocked.FindStringSubmatch(a.text(lock)); m != nil {
			return m[1] + m[2]
		}
	}
	var wanted strings.Builder
	for _, file := range append([]string{"pyproject.toml", "Pipfile"}, a.manager.requirements...) {
		wanted.WriteString(a.text(file) + "\n")
	}
	if m := djangoBelow.FindStringSubmatch(wanted.String()); m != nil && !newerSeries(m[1], "5.2") {
		for _, made := range djangoPythons {
			if newerSeries(m[1], made.release) {
				return made.release
			}
		}
	}
	if m := djangoPinned.FindStringSubmatch(wanted.String()); m != nil {
		if m[1] == "^" || m[1] == "~=" && m[4] == "" {
			return m[2] + ".99" // the newest of its major release
		}
		return m[2] + m[3]
	}
	return ""
}

// wheelLimit is the newest Python that any package of the lockfile has a compiled file for: what was locked in its time
// knows no newer one.
func (a *pythonApp) wheelLimit() limit {
	newest := 0
	for _, lock := range []string{"poetry.lock", "uv.lock", "pdm.lock"} {
		for _, m := range builtWheel.FindAllStringSubmatch(a.text(lock), -1) {
			series, _ := strconv.Atoi(m[1])
			newest = max(newest, series)
		}
	}
	series := "3." + strconv.Itoa(newest)
	if newerSeries(offeredPython[len(offeredPython)-1], series) {
		return limit{}
	}
	return limit{series, "no package of the lockfile is compiled for a newer one"}
}

// rubyLimit is the newest Ruby that the locked Rails is made for.
func (a *rubyApp) rubyLimit() limit {
	rails := seriesNumbers(a.lock.versions["rails"])
	if len(rails) < 2 {
		return limit{}
	}
	series := strconv.Itoa(rails[0]) + "." + strconv.Itoa(rails[1])
	for _, made := range railsRubies {
		if !newerSeries(made.release, series) {
			return limit{made.series, "it is the newest that Rails " + series + " is made for"}
		}
	}
	return limit{}
}
