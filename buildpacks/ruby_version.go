package buildpacks

import (
	"regexp"
	"strings"
)

// offeredRuby are the series that have images, newest first; the first is the default.
var offeredRuby = []string{"4.0", "3.4", "3.3", "3.2", "3.1"}

func rubyImage(version string) string {
	return "docker.io/library/ruby:" + version + "-slim-bookworm"
}

// rubyVersion finds the wanted version: the ruby line of the Gemfile, .ruby-version, .tool-versions, mise.toml, and
// what the lockfile was made with.
func (a *rubyApp) rubyVersion() Version {
	if a.gemfile.ruby != "" {
		return Version{Wanted: a.gemfile.ruby, Source: "Gemfile ruby"}
	}
	if v := versionLine(a.text(".ruby-version")); v != "" {
		return Version{Wanted: v, Source: ".ruby-version"}
	}
	if v := a.toolVersion("ruby"); v.Source != "" {
		return v
	}
	if a.lock.ruby != "" {
		return Version{Wanted: a.lock.ruby, Source: "Gemfile.lock RUBY VERSION"}
	}
	return Version{}
}

// rubyRelease is one release, under the names that version files give it: "3.4.1", "ruby-3.4.1", "ruby 3.4.1p0".
var rubyRelease = regexp.MustCompile(`^(?:ruby[- ])?([0-9]+\.[0-9]+)(\.[0-9]+)?(?:-?p[0-9]+)?$`)

// resolveRuby returns the image's version for what is wanted, or "". A whole release stays one: Bundler refuses to
// run with any other. Ranges are those of RubyGems: "~> 3.4", ">= 3.2, < 3.5".
func resolveRuby(offered []string, wanted string) string {
	wanted = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(wanted), "="))
	if m := rubyRelease.FindStringSubmatch(strings.TrimSpace(wanted)); m != nil {
		if seriesOf(offered, m[1]) == "" {
			return ""
		}
		return m[1] + m[2]
	}
	if name := strings.TrimPrefix(wanted, "ruby-"); pinned.MatchString(name) || name == "latest" {
		return seriesOf(offered, name)
	}
	return newestSemver(offered, pessimistic.ReplaceAllStringFunc(wanted, pessimisticRange))
}

// pessimistic is the ~> of RubyGems, which lets the last number grow that is written.
var pessimistic = regexp.MustCompile(`~>\s*[0-9]+(?:\.[0-9]+)*`)

// pessimisticRange writes ~> in the operators that all ranges have: ~> 3.4 is ^3.4, ~> 3.4.1 is ~3.4.1.
func pessimisticRange(wanted string) string {
	version := strings.TrimSpace(strings.TrimPrefix(wanted, "~>"))
	if strings.Count(version, ".") > 1 {
		return "~" + version
	}
	return "^" + version
}
