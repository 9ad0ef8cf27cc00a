package buildpacks

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// gradleBuild is a Gradle source: its projects, and the one to run.
type gradleBuild struct {
	job
	projects []gradleProject // the root first
	app      gradleProject
	catalog  gradleCatalog
}

// gradleProject is one project of a build.
type gradleProject struct {
	dir    string // "." is the root
	path   string // as Gradle names it: ":app"; "" is the root
	script string // content of build.gradle or build.gradle.kts, without comments
	file   string
}

const gradleCache = "/root/.gradle"

// detectGradle plans a Gradle build: run the task that packages the program, keep what it makes, run it on a JRE.
func detectGradle(j job) (*Plan, error) {
	g := readGradle(j)
	if g == nil {
		return nil, nil
	}
	p := &Plan{Language: "java", PackageManager: "gradle"}
	if g.has("org.jetbrains.kotlin.jvm") || g.has("org.jetbrains.kotlin.multiplatform") {
		p.Language = "kotlin"
	}
	p.decide(languageName(p.Language)+" with Gradle", "there is a "+g.rootFile()+" at the root of the source", "add a Dockerfile")
	why, err := g.chooseProject()
	if err != nil {
		return nil, err
	}
	if g.app.dir != "." {
		p.decide("project "+g.app.path, why, "give --dir FOLDER, or name the service like the project")
	}
	wish, other := g.javaWish()
	if err := p.chooseJava(g.job, wish, other); err != nil {
		return nil, err
	}
	server := jvmServerOf(g.coordinates())
	if p.Framework = server.name; p.Framework != "" {
		p.decide("framework "+p.Framework, g.app.file+" names "+server.shownBy[0], "")
	}
	p.runOnJava()
	return p, g.plan(p, server.told(g.source, p, g.app.dir))
}

// readGradle reads the settings and the build script of every project; nil where there is neither.
func readGradle(j job) *gradleBuild {
	g := &gradleBuild{job: j}
	root := g.readProject(".", "")
	settings := g.first("settings.gradle", "settings.gradle.kts")
	if root.file == "" && settings == "" {
		return nil
	}
	g.catalog = readGradleCatalog(j.source)
	g.projects = []gradleProject{root}
	for _, name := range gradleIncludes(withoutComments(g.text(settings))) {
		dir := path.Join(strings.Split(strings.Trim(name, ":"), ":")...)
		if dir == "" || !insideSource(dir) || len(g.projects) > maxMembers {
			continue
		}
		if project := g.readProject(dir, ":"+strings.Trim(name, ":")); project.file != "" {
			g.projects = append(g.projects, project)
		}
	}
	g.app = root
	return g
}

func (g *gradleBuild) readProject(dir, name string) gradleProject {
	file := g.first(path.Join(dir, "build.gradle.kts"), path.Join(dir, "build.gradle"))
	return gradleProject{dir: dir, path: name, file: file, script: withoutComments(g.text(file))}
}

func withoutComments(text string) string { return comment.ReplaceAllString(text, "") }

func (g *gradleBuild) rootFile() string {
	return g.first("build.gradle.kts", "build.gradle", "settings.gradle.kts", "settings.gradle")
}

var (
	gradleInclude = regexp.MustCompile(`(?m)^\s*include\s*\(?\s*((?:["'][^"'\n]+["']\s*,?\s*)+)`)
	quoted        = regexp.MustCompile(`["']([^"'\n]+)["']`)
)

// gradleIncludes are the projects that settings name: include("app", ":lib:core").
func gradleIncludes(settings string) []string {
	var names []string
	for _, m := range gradleInclude.FindAllStringSubmatch(settings, -1) {
		for _, name := range quoted.FindAllStringSubmatch(m[1], -1) {
			names = append(names, name[1])
		}
	}
	return names
}

// chooseProject finds the project to run among several.
func (g *gradleBuild) chooseProject() (why string, err error) {
	if dir := g.options.Dir; dir != "" {
		i := slices.IndexFunc(g.projects, func(p gradleProject) bool { return p.dir == dir })
		if i < 0 {
			return "", &IncompleteError{Language: "Gradle", Missing: dir + " is no project of the settings", Advice: "projects are: " + strings.Join(g.folders(g.projects), ", ")}
		}
		g.app = g.projects[i]
		return "--dir names it", nil
	}
	runnable := slices.DeleteFunc(slices.Clone(g.projects), func(p gradleProject) bool { return !g.runnable(p) })
	for _, project := range runnable {
		if service := g.options.Service; service != "" && path.Base(project.dir) == service {
			g.app = project
			return "it is named like the service", nil
		}
	}
	switch {
	case len(runnable) == 1:
		g.app = runnable[0]
		return "it is the only project with a program", nil
	case len(runnable) > 1 && !g.startGiven():
		return "", ambiguousFolders("projects", g.folders(runnable))
	}
	return "", nil
}

func (g *gradleBuild) folders(projects []gradleProject) []string {
	dirs := make([]string, len(projects))
	for i, p := range projects {
		dirs[i] = p.dir
	}
	return dirs
}

// programPlugins are plugins that make a program out of a project.
var programPlugins = []string{"application", "org.springframework.boot", "io.quarkus", "io.ktor.plugin", "io.micronaut.application",
	"com.github.johnrengelman.shadow", "com.gradleup.shadow"}

func (g *gradleBuild) runnable(p gradleProject) bool {
	return slices.ContainsFunc(programPlugins, func(id string) bool { return g.applies(p, id) })
}

// has tells whether any project applies a plugin.
func (g *gradleBuild) has(id string) bool {
	return slices.ContainsFunc(g.projects, func(p gradleProject) bool { return g.applies(p, id) })
}

// gradleWrapper finds the version in gradle-wrapper.properties: gradle-8.10.2-bin.zip.
var gradleWrapper = regexp.MustCompile(`gradle-([0-9]+)(?:\.([0-9]+))?[0-9.]*-`)

// gradleRunsOn are the newest offered Java releases that versions of Gradle run on, by the Gradle release that
// brought them (https://docs.gradle.org/current/userguide/compatibility.html).
var gradleRunsOn = []struct {
	major, minor int
	java         string
}{{8, 5, "21"}, {7, 3, "17"}, {5, 0, "11"}, {2, 0, "8"}}

// javaWish is the release of the build scripts, and the one that the wrapper's Gradle runs on where that is not the
// default.
func (g *gradleBuild) javaWish() (javaWish, Version) {
	var other Version
	if m := gradleWrapper.FindStringSubmatch(g.text("gradle/wrapper/gradle-wrapper.properties")); m != nil {
		if java := newestJavaFor(m[1], m[2]); java != "" && java != defaultJava {
			other = Version{Resolved: java, Source: "the newest that the wrapper's Gradle " + m[1] + "." + m[2] + " runs on"}
		}
	}
	for _, p := range append([]gradleProject{g.app}, g.projects...) {
		if v, atLeast := gradleLevel(p.script); v != "" {
			return javaWish{Version{Wanted: v, Source: p.file}, atLeast}, other
		}
	}
	return javaWish{}, other
}

func newestJavaFor(major, minor string) string {
	a, errMajor := strconv.Atoi(major)
	b, errMinor := strconv.Atoi(minor)
	if errMajor != nil || errMinor != nil && minor != "" {
		return ""
	}
	for _, r := range gradleRunsOn {
		if a > r.major || a == r.major && b >= r.minor {
			return r.java
		}
	}
	return ""
}

var (
	gradleToolchain = regexp.MustCompile(`(?:JavaLanguageVersion\.of|jvmToolchain)\s*\(\s*["']?([0-9]+)`)
	gradleTarget    = regexp.MustCompile(`\b(?:sourceCompatibility|targetCompatibility|jvmTarget|release)\b[^\n0-9]{0,60}?(?:VERSION_|JVM_)?((?:1[._])?[0-9]{1,2})\b`)
)

// gradleLevel is the release that a build script names: a toolchain is met by that release alone, a target by newer
// ones too.
func gradleLevel(script string) (version string, atLeast bool) {
	if m := gradleToolchain.FindStringSubmatch(script); m != nil {
		return m[1], false
	}
	if m := gradleTarget.FindStringSubmatch(script); m != nil {
		return strings.ReplaceAll(m[1], "_", "."), true
	}
	return "", false
}
