package buildpacks

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// offeredJava are the Java releases that have images, newest first: those with long-term support.
var offeredJava = []string{"25", "21", "17", "11", "8"}

// defaultJava is the release where the source asks for none.
const defaultJava = "21"

const (
	javaPath   = "/opt/java/openjdk/bin:"
	jvmFolder  = "/opt/app" // in the build container: what goes into the run image
	jvmAppJar  = jvmFolder + "/app.jar"
	mavenCache = "/root/.m2"
)

func jdkImage(release string) string   { return "docker.io/library/eclipse-temurin:" + release + "-jdk" }
func jreImage(release string) string   { return "docker.io/library/eclipse-temurin:" + release + "-jre" }
func mavenImage(release string) string { return "docker.io/library/maven:3-eclipse-temurin-" + release }

// javaWish is a Java release that a source names. A level that code is compiled for (atLeast) is met by any newer
// release as well; a runtime that is named is met by itself alone.
type javaWish struct {
	Version
	atLeast bool
}

// javaPins finds the release that the user pins for whatever builds: system.properties (Heroku), .java-version
// (jenv), .sdkmanrc, .tool-versions, mise.toml, in that order.
func javaPins(s source) javaWish {
	if v := propertyLine(s.text("system.properties"), "java.runtime.version"); v != "" {
		return javaWish{Version: Version{Wanted: v, Source: "system.properties java.runtime.version"}}
	}
	if v := versionLine(s.text(".java-version")); v != "" {
		return javaWish{Version: Version{Wanted: v, Source: ".java-version"}}
	}
	if v := propertyLine(s.text(".sdkmanrc"), "java"); v != "" {
		return javaWish{Version: Version{Wanted: v, Source: ".sdkmanrc java"}}
	}
	return javaWish{Version: s.toolVersion("java")}
}

// propertyLine reads `name = value` or `name: value` of a Java properties file, or "".
func propertyLine(content, name string) string {
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, name)
		rest = strings.TrimSpace(rest)
		if ok && rest != "" && (rest[0] == '=' || rest[0] == ':') {
			return strings.TrimSpace(rest[1:])
		}
	}
	return ""
}

// javaNumber finds the feature release in "17", "1.8", "temurin-17.0.2+8", "openjdk64-11.0.1", "17.0.2-tem".
var javaNumber = regexp.MustCompile(`(?:^|-|java)(?:1\.)?([0-9]{1,3})(?:[._+u-]|$)`)

// javaRelease is the feature release that a version names, 0 where it names none.
func javaRelease(wanted string) int {
	m := javaNumber.FindStringSubmatch(strings.TrimSpace(wanted))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

// resolveJava is the release of those offered that meets a wish, or "".
func resolveJava(offered []string, w javaWish) string {
	n := javaRelease(w.Wanted)
	if n == 0 {
		return ""
	}
	if !w.atLeast {
		if i := slices.Index(offered, strconv.Itoa(n)); i >= 0 {
			return offered[i]
		}
		return ""
	}
	for _, release := range slices.Backward(offered) {
		if m, err := strconv.Atoi(release); err == nil && m >= n {
			return release
		}
	}
	return ""
}

// chooseJava sets the Java release: what is pinned, else what the build file says, else other where there is one
// (with the reason), else the default.
func (p *Plan) chooseJava(j job, build javaWish, other Version) error {
	const override = "add a system.properties with `java.runtime.version=21`"
	offered := j.options.within("Java", offeredJava)
	wish := javaPins(j.source)
	if wish.Source == "" {
		wish = build
	}
	if wish.Source == "" {
		p.Version = Version{Resolved: defaultJava, Source: "default"}
		if !slices.Contains(offered, defaultJava) {
			p.Version.Resolved = offered[0]
		}
		why := "nothing asks for a release; this is " + standing(p.Version.Resolved, defaultJava)
		if other.Resolved != "" {
			p.Version, why = other, other.Source
		}
		p.decide("Java "+p.Version.Resolved, why, override)
		return nil
	}
	p.Version = wish.Version
	if p.Version.Resolved = resolveJava(offered, wish); p.Version.Resolved == "" {
		return &VersionError{Language: "Java", Wanted: wish.Wanted, Source: wish.Source, Offered: offered}
	}
	why := wish.Source + " says " + wish.Wanted
	if wish.atLeast && strconv.Itoa(javaRelease(wish.Wanted)) != p.Version.Resolved {
		why += "; this is the next release with long-term support"
	}
	p.decide("Java "+p.Version.Resolved, why, override)
	return nil
}

// jvmMemory bounds the heap by the spherelet's memory, which the JVM reads from its cgroup. What the heap leaves is
// for metaspace, code, threads and buffers: about 200 MB of the smallest shape. The value is written with a
// point since Java 8 takes no other.
const jvmMemory = "-XX:MaxRAMPercentage=60.0 -XX:+ExitOnOutOfMemoryError"

// runOnJava makes the JRE the run image, with a heap that fits.
func (p *Plan) runOnJava() {
	p.User = runUser
	p.RunImage = jreImage(p.Version.Resolved)
	p.Env = runEnv(javaPath, map[string]string{"JAVA_TOOL_OPTIONS": jvmMemory})
	p.decide("heap of at most 60 % of the memory", "the rest is for metaspace, threads and buffers; out of memory ends the process, so that it is started again",
		"set JAVA_TOOL_OPTIONS")
}

// jvmServer is how a framework is told its port.
type jvmServer struct {
	name    string
	shownBy []string // parts of coordinates or plugin ids
	alone   bool     // groups below those are libraries, which others use as well
	flags   string   // before -jar
	args    string   // after it
	file    string   // of the source, which args names; it is run beside the jar
}

// jvmServers are tried in order.
var jvmServers = []jvmServer{
	{name: "quarkus", shownBy: []string{"io.quarkus"}, flags: "-Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=${PORT:-8080}"},
	{name: "micronaut", shownBy: []string{"io.micronaut"}, flags: "-Dmicronaut.server.port=${PORT:-8080}"},
	{name: "spring-boot", shownBy: []string{"org.springframework.boot"}, flags: "-Dserver.port=${PORT:-8080}"},
	{name: "helidon", shownBy: []string{"io.helidon"}, flags: "-Dserver.port=${PORT:-8080} -Dserver.host=0.0.0.0"},
	{name: "dropwizard", shownBy: []string{"io.dropwizard"}, alone: true},
	{name: "ktor", shownBy: []string{"io.ktor"}},
	{name: "javalin", shownBy: []string{"io.javalin"}},
	{name: "vertx", shownBy: []string{"io.vertx"}},
	{name: "http4k", shownBy: []string{"org.http4k"}},
	{name: "spark", shownBy: []string{"com.sparkjava"}},
}

// jvmServerOf is the first framework that any of the coordinates shows; the zero one where none does.
func jvmServerOf(coordinates []string) jvmServer {
	for _, server := range jvmServers {
		for _, shown := range server.shownBy {
			if slices.ContainsFunc(coordinates, func(c string) bool {
				return c == shown || strings.HasPrefix(c, shown+":") || !server.alone && strings.HasPrefix(c, shown+".")
			}) {
				return server
			}
		}
	}
	return jvmServer{}
}

// told completes a framework's flags by what its code does: Ktor's engine takes its port as an argument, and programs
// without such a way say in their code where they listen.
func (v jvmServer) told(s source, p *Plan, dir string) jvmServer {
	if v.flags != "" {
		return v
	}
	main := path.Join(dir, "src/main")
	if v.name == "ktor" && s.mentions(main, "EngineMain") {
		v.args = "-port=${PORT:-8080}"
		return v
	}
	if v.name == "dropwizard" {
		return v.configured(s, dir)
	}
	s.listenHint(p, main, ".java", ".kt")
	return v
}

// configured is Dropwizard with the server command and its configuration, whose port a property replaces
// (https://www.dropwizard.io/en/stable/manual/core.html).
func (v jvmServer) configured(s source, dir string) jvmServer {
	v.args = "server"
	v.file = s.first(path.Join(dir, "config.yml"), path.Join(dir, "config.yaml"), path.Join(dir, "configuration.yml"), "config.yml", "config.yaml")
	if v.file == "" {
		return v
	}
	v.args += " " + path.Base(v.file)
	switch text := s.text(v.file); {
	case strings.Contains(text, "applicationConnectors:"):
		v.flags = "'-Ddw.server.applicationConnectors[0].port='${PORT:-8080}"
	case strings.Contains(text, "type: simple"):
		v.flags = "-Ddw.server.connector.port=${PORT:-8080}"
	}
	return v
}

// keepFile is the shell command that puts the server's configuration beside the jar; "" where it has none.
func (v jvmServer) keepFile() string {
	if v.file == "" {
		return ""
	}
	return "\ncp " + shellQuote(v.file) + " " + jvmFolder + "/"
}

// mentions tells whether a source of Java or Kotlin below dir holds a word.
func (s source) mentions(dir, word string) bool {
	found := false
	if s.isDir(dir) {
		s.walk(dir, func(string) bool { return true }, func(name string) bool {
			found = found || slices.Contains([]string{".java", ".kt"}, path.Ext(name)) && strings.Contains(s.text(name), word)
			return !found
		})
	}
	return found
}

// java is the command that runs what follows with the framework's flags.
func (v jvmServer) java(what string) string {
	return strings.Join(strings.Fields("exec java "+v.flags+" "+what+" "+v.args), " ")
}

// deliverJVM has a plan run the build, or the one that the user gives, and start what it leaves; why is that of the tool
// which builds.
func (j job) deliverJVM(p *Plan, d jvmDelivery, build Step, why string) {
	if j.options.Build != "" {
		build.Command, why = j.options.Build, "--build was given"
	}
	p.decide("build: "+build.Command, why+"; what is downloaded is kept in a cache", "--build 'CMD'")
	if p.Start = d.start; p.Start != "" {
		p.decide("start: "+p.Start, d.why, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	if j.startGiven() {
		p.wholeJVMSource("the start command is given, and may name anything that was built")
	} else {
		build.Command += "\n" + d.keep
		p.Copy = append([]Copy{{From: jvmFolder, To: appFolder}}, d.copies...)
		p.Files = d.files
		maps.Copy(p.Env, d.env)
	}
	p.Steps = []Step{build}
}

// keepJar is the shell command that puts the jar to run among those of dir where the run image takes it from: the
// largest, without those that hold sources or documentation.
func keepJar(dir string) string {
	return "mkdir -p " + jvmFolder + "\n" +
		"jar=$(ls -S " + dir + "/*.jar | grep -v -e '-sources.jar$' -e '-javadoc.jar$' -e '-tests.jar$' -e '-plain.jar$' -e '/original-' | head -n 1)\n" +
		`cp "$jar" ` + jvmAppJar
}

// wholeJVMSource takes everything but sources and the build tool's own folders: what a start command that the user gives
// may name is not known.
func (p *Plan) wholeJVMSource(why string) {
	p.Copy = []Copy{{From: appFolder, To: appFolder, Exclude: []string{".git", ".gradle", "**/src", "**/node_modules"}}}
	p.decide("the build folders go along", why, "")
}

func (j job) startGiven() bool { return j.options.Run != "" || j.procfile.Web() != "" }
