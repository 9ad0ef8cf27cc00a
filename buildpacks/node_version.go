package buildpacks

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// defaultNode is the Node.js major where the source asks for none: the LTS release.
const defaultNode = "22"

// offeredNode are the majors that have images, newest first.
var offeredNode = []string{"24", "22", "20", "18"}

// nodeCodenames are the LTS lines as .nvmrc may name them: lts/iron.
var nodeCodenames = map[string]string{"hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}

// nodeVersion finds the wanted version: engines and volta in package.json, .nvmrc, .node-version,
// .tool-versions, mise.toml, in that order.
func nodeVersion(s source, pkg packageJSON) Version {
	if v := pkg.Engines["node"]; v != "" {
		return Version{Wanted: v, Source: "package.json engines.node"}
	}
	if v := pkg.Volta["node"]; v != "" {
		return Version{Wanted: v, Source: "package.json volta.node"}
	}
	for _, file := range []string{".nvmrc", ".node-version"} {
		if v := versionLine(s.text(file)); v != "" {
			return Version{Wanted: v, Source: file}
		}
	}
	return s.toolVersion("nodejs", "node")
}

// versionLine is the first line with something in it, without comments.
func versionLine(content string) string {
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// resolveNode returns the newest offered major that satisfies what is wanted, or "".
func resolveNode(wanted string) string {
	wanted = strings.TrimSpace(wanted)
	if major, ok := nodeAlias(wanted); ok {
		return major
	}
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return ""
	}
	// First the majors whose newest release satisfies, then those that do with some release.
	for _, major := range offeredNode {
		if constraint.Check(semver.MustParse(major + ".999.999")) {
			return major
		}
	}
	for _, major := range offeredNode {
		if satisfiedWithin(constraint, wanted, major) {
			return major
		}
	}
	return ""
}

func nodeAlias(wanted string) (string, bool) {
	name := strings.ToLower(wanted)
	switch name {
	case "node", "latest", "current", "stable":
		return offeredNode[0], true
	case "lts", "lts/*", "lts/-0":
		return defaultNode, true
	}
	major, ok := nodeCodenames[strings.TrimPrefix(name, "lts/")]
	return major, ok
}

// plainVersion finds the versions that a range names.
var plainVersion = regexp.MustCompile(`[0-9]+(\.[0-9]+)?(\.[0-9]+)?`)

// satisfiedWithin tells whether the first release of a major, or one that the range itself names, satisfies it.
func satisfiedWithin(constraint *semver.Constraints, wanted, major string) bool {
	if constraint.Check(semver.MustParse(major + ".0.0")) {
		return true
	}
	for _, named := range plainVersion.FindAllString(wanted, -1) {
		v, err := semver.NewVersion(named)
		if err == nil && strconv.FormatUint(v.Major(), 10) == major && constraint.Check(v) {
			return true
		}
	}
	return false
}

func (p *Plan) chooseNode(s source, pkg packageJSON) error {
	const override = "set engines.node in package.json, or .nvmrc"
	p.Version = nodeVersion(s, pkg)
	if p.Version.Source == "" {
		p.Version = Version{Resolved: defaultNode, Source: "default"}
		p.decide("Node.js "+defaultNode, "nothing asks for a version; this is the default", override)
		return nil
	}
	p.Version.Resolved = resolveNode(p.Version.Wanted)
	if p.Version.Resolved == "" {
		return &VersionError{Language: "Node.js", Wanted: p.Version.Wanted, Source: p.Version.Source, Offered: offeredNode}
	}
	p.decide("Node.js "+p.Version.Resolved, p.Version.Source+" says "+p.Version.Wanted, override)
	return nil
}

// oldWebpack are the packages that build with webpack 4, or one of the first releases of webpack 5, and the first major
// release that does not: their hashes are of a kind that OpenSSL 3, which Node.js has since 17, leaves out unless told.
var oldWebpack = []struct {
	name  string
	since int
}{{"react-scripts", 5}, {"@vue/cli-service", 5}, {"@angular-devkit/build-angular", 13}, {"next", 11}, {"nuxt", 3}, {"gatsby", 4},
	{"laravel-mix", 6}, {"webpack", 5}}

// oldHashes lets builds with an old webpack work, which fail with ERR_OSSL_EVP_UNSUPPORTED otherwise.
func (p *Plan) oldHashes(packages ...packageJSON) map[string]string {
	for _, pkg := range packages {
		for _, old := range oldWebpack {
			m := firstMajor.FindStringSubmatch(pkg.Dependencies[old.name] + pkg.DevDependencies[old.name])
			if m == nil {
				continue
			}
			if major, err := strconv.Atoi(m[1]); err == nil && major < old.since {
				p.decide("--openssl-legacy-provider while building", old.name+" "+m[1]+" hashes with MD4", "update "+old.name)
				return map[string]string{"NODE_OPTIONS": "--openssl-legacy-provider"}
			}
		}
	}
	return nil
}
