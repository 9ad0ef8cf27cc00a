package buildpacks

import (
	"path"
	"strings"
)

// jvmDelivery is what a build of a JVM tool leaves, and how it is started.
type jvmDelivery struct {
	goals   string // Maven's goals, Gradle's tasks
	keep    string // shell commands that put the result into jvmFolder
	start   string
	why     string
	warning string
	// into the run image, besides what was kept
	copies []Copy
	files  map[string]string
	env    map[string]string
}

// delivery follows what the POM packages: Quarkus's folder, a jar with all that it needs, a web archive, or classes
// with their dependencies beside them.
func (m *mavenProject) delivery(p *Plan, server jvmServer) jvmDelivery {
	target := path.Join(m.app.dir, "target")
	switch pom := m.app.pom; {
	case server.name == "quarkus" && !m.quarkusUberJar():
		return jvmDelivery{goals: "package", keep: "mkdir -p " + jvmFolder + "\ncp -r " + shellQuote(target) + "/quarkus-app/. " + jvmFolder + "/",
			start: server.java("-jar quarkus-run.jar"), why: "Quarkus packages a folder with quarkus-run.jar"}
	case pom.Packaging == "war" && server.name != "spring-boot":
		return m.webArchive(p, target)
	case pom.packagesProgram() || server.name == "spring-boot" || server.name == "quarkus":
		return jvmDelivery{goals: "package", keep: keepJar(shellQuote(target)), start: server.java("-jar app.jar"),
			why: "the jar holds its dependencies"}
	}
	return m.classes(target, server)
}

func (m *mavenProject) quarkusUberJar() bool {
	properties := m.text(path.Join(m.app.dir, "src/main/resources/application.properties"))
	for _, key := range []string{"quarkus.package.jar.type", "quarkus.package.type"} {
		if propertyLine(properties, key) == "uber-jar" || m.app.pom.Properties[key] == "uber-jar" {
			return true
		}
	}
	return false
}

// classes runs the compiled classes with the dependencies beside them.
func (m *mavenProject) classes(target string, server jvmServer) jvmDelivery {
	d := jvmDelivery{
		goals: "package dependency:copy-dependencies -DincludeScope=runtime",
		keep: "mkdir -p " + jvmFolder + "/lib " + shellQuote(target) + "/dependency\ncp -r " + shellQuote(target) + "/classes " + jvmFolder +
			"/\ncp -r " + shellQuote(target) + "/dependency/. " + jvmFolder + "/lib/",
		why: "the jar does not hold its dependencies: classes and dependencies are run as they are",
	}
	main := m.app.pom.mainClass()
	if mains := mainClasses(m.source, path.Join(m.app.dir, "src/main")); main == "" && len(mains) > 0 {
		mains = likeliestFirst(mains)
		main = mains[0]
		if len(mains) > 1 {
			d.warning = "several classes have a main method, and " + main + " is started; to start another: " + strings.Join(mains[1:], ", ") + " in a Procfile"
		}
	}
	if main != "" {
		d.start = server.java("-cp 'classes:lib/*' " + main)
	}
	return d
}

// webArchive: a WAR needs a servlet container. Some bring a runner along as a dependency; for the others there is Tomcat.
func (m *mavenProject) webArchive(p *Plan, target string) jvmDelivery {
	for _, runner := range []struct{ artifact, options string }{
		{"webapp-runner", "--port ${PORT:-8080}"}, {"jetty-runner", "--port ${PORT:-8080}"}} {
		if m.app.pom.names(runner.artifact) {
			return jvmDelivery{goals: "package", why: runner.artifact + " is copied to target/dependency by the POM",
				keep: "mkdir -p " + jvmFolder + "\ncp " + shellQuote(target) + "/dependency/" + runner.artifact + "*.jar " + jvmFolder +
					"/runner.jar\ncp " + shellQuote(target) + "/*.war " + jvmFolder + "/app.war",
				start: "exec java -jar runner.jar " + runner.options + " app.war"}
		}
	}
	d := p.tomcat(m.source, m.app.dir, shellQuote(target)+"/*.war")
	d.goals = "package"
	return d
}
