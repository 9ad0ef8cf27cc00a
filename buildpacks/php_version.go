package buildpacks

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// offeredPHP are the series that have images, newest first; the first is the default.
var offeredPHP = []string{"8.5", "8.4", "8.3", "8.2", "8.1"}

func phpImage(version string) string {
	return phpImages + version + "-apache-bookworm"
}

// phpVersion finds the wanted version: what pins one before what bounds it.
func (a *phpApp) phpVersion() Version {
	if v := versionLine(a.text(".php-version")); v != "" {
		return Version{Wanted: v, Source: ".php-version"}
	}
	if v := a.toolVersion("php"); v.Source != "" {
		return v
	}
	if v := a.composer.Config.Platform["php"]; v != "" {
		return Version{Wanted: v, Source: "composer.json config.platform.php"}
	}
	if v := a.composer.Require["php"]; v != "" {
		return Version{Wanted: v, Source: "composer.json require.php"}
	}
	return Version{}
}

var (
	// composerTilde is the ~ of Composer, which with two numbers lets the second grow: ~8.2 is ^8.2 here.
	composerTilde = regexp.MustCompile(`~\s*([0-9]+\.[0-9]+)(\s|,|\||$)`)
	composerOr    = regexp.MustCompile(`\s*\|{1,2}\s*`)
	stability     = regexp.MustCompile(`@\w+`)
)

// resolvePHP returns the newest series of offered that satisfies what is wanted, or "". It reads pins and the constraints
// of Composer (https://getcomposer.org/doc/articles/versions.md).
func resolvePHP(offered []string, wanted string) string {
	wanted = strings.TrimSpace(wanted)
	if pin := strings.TrimPrefix(wanted, "php-"); pinned.MatchString(pin) || pin == "latest" || pin == "*" {
		return seriesOf(offered, pin)
	}
	return newestSemver(offered, composerRange(wanted))
}

func composerRange(wanted string) string {
	wanted = composerOr.ReplaceAllString(stability.ReplaceAllString(wanted, ""), " || ")
	return composerTilde.ReplaceAllString(wanted, "^$1$2")
}

// chooseVersion takes the newest PHP that the project and every locked package accept.
func (a *phpApp) chooseVersion(p *Plan) error {
	const override = "change require.php in composer.json, or write .php-version"
	wanted := a.phpVersion()
	accepted := slices.DeleteFunc(slices.Clone(a.options.within("PHP", offeredPHP)), func(series string) bool { return !a.accepts(series) })
	if wanted.Source == "" && len(accepted) > 0 && accepted[0] != a.options.within("PHP", offeredPHP)[0] {
		wanted = Version{Wanted: "<=" + accepted[0], Source: "composer.lock"}
	}
	resolve := func(offered []string, wanted string) string {
		for _, series := range accepted {
			if resolvePHPAmong([]string{series}, wanted) != "" {
				return series
			}
		}
		return resolvePHP(offered, wanted)
	}
	return p.chooseVersion(a.options, "PHP", wanted, offeredPHP, limit{}, resolve, override)
}

func resolvePHPAmong(offered []string, wanted string) string {
	wanted = strings.TrimSpace(wanted)
	if pinned.MatchString(wanted) {
		return seriesOf(offered, wanted)
	}
	return newestSemver(offered, composerRange(wanted))
}

// accepts tells whether every locked package runs on a series.
func (a *phpApp) accepts(series string) bool {
	v := semver.MustParse(series + plainPatch)
	for _, wanted := range a.lock.php() {
		constraint, err := semver.NewConstraint(composerRange(wanted))
		if err == nil && !constraint.Check(v) {
			return false
		}
	}
	return true
}
