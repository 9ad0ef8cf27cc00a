package buildpacks

import (
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	pep440 "github.com/aquasecurity/go-pep440-version"
)

// offeredPython are the series that have images, newest first; the first is the default.
var offeredPython = []string{"3.14", "3.13", "3.12", "3.11", "3.10", "3.9"}

func pythonImage(version string) string {
	return "docker.io/library/python:" + version + "-slim-bookworm"
}

// pythonVersion finds the wanted version: what pins one before what bounds them.
func (a *pythonApp) pythonVersion() Version {
	for _, file := range []string{".python-version", "runtime.txt"} {
		if v := versionLine(a.text(file)); v != "" {
			return Version{Wanted: v, Source: file}
		}
	}
	if v := a.toolVersion("python"); v.Source != "" {
		return v
	}
	if file, err := readPipfile(a.source); err == nil {
		if file.Requires.Full != "" {
			return Version{Wanted: file.Requires.Full, Source: "Pipfile python_full_version"}
		}
		if file.Requires.Version != "" {
			return Version{Wanted: file.Requires.Version, Source: "Pipfile python_version"}
		}
	}
	if v, ok := a.project.Tool.Poetry.Dependencies["python"].(string); ok {
		return Version{Wanted: v, Source: "pyproject.toml tool.poetry.dependencies.python"}
	}
	if v := a.project.Project.RequiresPython; v != "" {
		return Version{Wanted: v, Source: "pyproject.toml requires-python"}
	}
	if m := pythonRequires.FindStringSubmatch(a.text("setup.py") + a.text("setup.cfg")); m != nil {
		return Version{Wanted: strings.TrimSpace(m[1]), Source: a.first("setup.py", "setup.cfg") + " python_requires"}
	}
	return Version{}
}

var (
	pythonRequires = regexp.MustCompile(`python_requires\s*=\s*["']?([^"'\n,)]+(?:,[^"'\n)]+)?)`)
	// pythonPrefix is what runtime.txt, pyenv and uv write before a version of CPython.
	pythonPrefix = regexp.MustCompile(`^(?:c?python-?)`)
)

// resolvePython returns the newest series of offered that satisfies what is wanted, a release where only that one does,
// or "". It reads pins (3.12, python-3.12.4), specifiers (PEP 440) and the constraints of Poetry (^3.11, ~3.11).
func resolvePython(offered []string, wanted string) string {
	wanted = strings.TrimSpace(wanted)
	pin := pythonPrefix.ReplaceAllString(wanted, "")
	if pinned.MatchString(pin) || pin == "*" || pin == "latest" {
		return seriesOf(offered, pin)
	}
	if strings.ContainsAny(wanted, "^|") || strings.HasPrefix(wanted, "~") && !strings.HasPrefix(wanted, "~=") {
		return newestSemver(offered, wanted)
	}
	specifiers, err := pep440.NewSpecifiers(wanted)
	if err != nil {
		return ""
	}
	return newestSatisfying(offered, wanted, func(version string) bool {
		v, err := pep440.Parse(version)
		return err == nil && specifiers.Check(v)
	})
}

// newestSemver resolves a range with ^ and ~ as npm, Poetry and Composer write it.
func newestSemver(offered []string, wanted string) string {
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return ""
	}
	return newestSatisfying(offered, wanted, func(version string) bool {
		v, err := semver.NewVersion(version)
		return err == nil && constraint.Check(v)
	})
}

func (p *Plan) choosePython(a *pythonApp) error {
	return p.chooseVersion(a.options, "Python", a.pythonVersion(), offeredPython, a.pythonLimit(), resolvePython, "write the version into .python-version")
}

// chooseVersion settles the version of a language: what the source wants, resolved among all that have images, or the
// newest of them, neither newer than the rest of the source can run on.
func (p *Plan) chooseVersion(o Options, language string, wanted Version, all []string, newest limit, resolve func(offered []string, wanted string) string, override string) error {
	offered := o.within(language, all)
	p.Version = wanted
	older := newest.under(offered)
	if wanted.Source == "" {
		if older[0] != offered[0] {
			p.Version = Version{Resolved: older[0], Source: "default"}
			p.decide(language+" "+older[0], "nothing asks for a version; "+newest.why, override)
			return nil
		}
		p.Version = Version{Resolved: offered[0], Source: "default"}
		p.decide(language+" "+offered[0], "nothing asks for a version; this is "+standing(offered[0], all[0]), override)
		return nil
	}
	if p.Version.Resolved = resolve(offered, wanted.Wanted); p.Version.Resolved == "" {
		return &VersionError{Language: language, Wanted: wanted.Wanted, Source: wanted.Source, Offered: offered}
	}
	why := wanted.Source + " says " + shorten(wanted.Wanted)
	if within := resolve(older, wanted.Wanted); within != "" && within != p.Version.Resolved {
		p.Version.Resolved = within
		why += "; " + newest.why
	}
	if strings.Count(p.Version.Resolved, ".") == 1 && strings.Contains(wanted.Wanted, p.Version.Resolved+".") {
		why += "; its image carries the newest release of " + p.Version.Resolved
	}
	p.decide(language+" "+p.Version.Resolved, why, override)
	return nil
}
