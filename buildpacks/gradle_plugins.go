package buildpacks

import (
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// gradleCatalog is a version catalog: aliases, as build scripts write them, to plugin ids and library groups.
type gradleCatalog struct {
	plugins   map[string]string
	libraries map[string]string
}

// readGradleCatalog reads gradle/libs.versions.toml; what cannot be read counts as absent.
func readGradleCatalog(s source) gradleCatalog {
	var file struct {
		Plugins   map[string]any `toml:"plugins"`
		Libraries map[string]any `toml:"libraries"`
	}
	if err := toml.Unmarshal([]byte(s.text("gradle/libs.versions.toml")), &file); err != nil {
		return gradleCatalog{}
	}
	return gradleCatalog{plugins: accessors(file.Plugins, "id"), libraries: accessors(file.Libraries, "module", "group")}
}

// accessors maps aliases, written with points, to the coordinates that entries name under one of keys.
func accessors(entries map[string]any, keys ...string) map[string]string {
	found := map[string]string{}
	for alias, entry := range entries {
		name, _ := entry.(string)
		if table, ok := entry.(map[string]any); ok {
			for _, key := range keys {
				if v, ok := table[key].(string); ok && name == "" {
					name = v
				}
			}
		}
		id, _, _ := strings.Cut(name, ":")
		found[strings.NewReplacer("-", ".", "_", ".").Replace(alias)] = id
	}
	return found
}

var (
	gradlePluginID    = regexp.MustCompile(`(?m)\b(?:id\s*\(?\s*|apply\s*\(?\s*plugin\s*[:=]\s*)["']([\w.-]+)["']\)?([^\n]*)`)
	gradleKotlin      = regexp.MustCompile(`\bkotlin\s*\(\s*["']([\w.-]+)["']\s*\)([^\n]*)`)
	gradleAlias       = regexp.MustCompile(`\balias\s*\(?\s*libs\.plugins\.([\w.]+)\s*\)?([^\n]*)`)
	gradleApplication = regexp.MustCompile("(?m)^\\s*`?(application)`?\\s*$")
	gradleLibrary     = regexp.MustCompile(`["']([\w.-]+):[\w.${}-]+(?::[^"'\n]*)?["']`)
	gradleLibAccessor = regexp.MustCompile(`\blibs\.([\w.]+)`)
)

// plugins are the ids that a project applies.
func (g *gradleBuild) plugins(p gradleProject) []string {
	var ids []string
	add := func(id, rest string) {
		if id != "" && !strings.Contains(rest, "apply false") && !strings.Contains(rest, "apply(false)") {
			ids = append(ids, id)
		}
	}
	for _, m := range gradlePluginID.FindAllStringSubmatch(p.script, -1) {
		add(m[1], m[2])
	}
	for _, m := range gradleKotlin.FindAllStringSubmatch(p.script, -1) {
		add("org.jetbrains.kotlin."+m[1], m[2])
	}
	for _, m := range gradleAlias.FindAllStringSubmatch(p.script, -1) {
		add(g.catalog.plugins[strings.TrimSuffix(m[1], ".")], m[2])
	}
	if gradleApplication.MatchString(p.script) {
		ids = append(ids, "application")
	}
	return ids
}

func (g *gradleBuild) applies(p gradleProject, id string) bool {
	return slices.Contains(g.plugins(p), id)
}

// coordinates are the groups and plugin ids that the project to run names.
func (g *gradleBuild) coordinates() []string {
	names := g.plugins(g.app)
	for _, m := range gradleLibrary.FindAllStringSubmatch(g.app.script, -1) {
		names = append(names, m[1])
	}
	for _, m := range gradleLibAccessor.FindAllStringSubmatch(g.app.script, -1) {
		names = append(names, g.catalog.libraries[m[1]])
	}
	return names
}
