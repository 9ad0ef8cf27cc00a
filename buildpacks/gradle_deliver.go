package buildpacks

import (
	"path"
	"strings"
)

// plan writes the steps and the start.
func (g *gradleBuild) plan(p *Plan, server jvmServer) error {
	command, why := g.command(p)
	p.BuildEnv = buildEnv(javaPath, map[string]string{"GRADLE_USER_HOME": gradleCache})
	d := g.delivery(p, server)
	if d.start == "" && !g.startGiven() {
		return &IncompleteError{Language: languageName(p.Language), Missing: "no plugin of " + g.rootFile() + " makes a program of it",
			Advice: "apply the application plugin and set its mainClass, add a Procfile with `web: COMMAND`, or give --run 'CMD'"}
	}
	d.keep += server.keepFile()
	g.deliverJVM(p, d, Step{Name: "build with Gradle", Command: command + " --no-daemon --console=plain " + d.goals, Caches: []string{gradleCache}}, why)
	return nil
}

// command is the Gradle to call, and sets the image that has it.
func (g *gradleBuild) command(p *Plan) (command, why string) {
	p.BuildImage = jdkImage(p.Version.Resolved)
	if g.isFile("gradlew") && g.isFile("gradle/wrapper/gradle-wrapper.jar") {
		return "sh ./gradlew", "the wrapper is committed"
	}
	p.BuildImage = "docker.io/library/gradle:8-jdk" + p.Version.Resolved
	if p.Version.Resolved == "25" {
		p.BuildImage = "docker.io/library/gradle:9-jdk25"
	}
	if g.isFile("gradlew") {
		p.warn("gradlew is there, and gradle/wrapper/gradle-wrapper.jar is not: the image's Gradle builds; commit the jar (it is often caught by *.jar in .gitignore)")
		return "gradle", "the wrapper is not whole"
	}
	return "gradle", "there is no wrapper"
}

// task is a task of the project to run, by its full name.
func (g *gradleBuild) task(name string) string { return strings.TrimPrefix(g.app.path+":"+name, ":") }

// delivery follows the plugins: each makes a program in its own way.
func (g *gradleBuild) delivery(p *Plan, server jvmServer) jvmDelivery {
	build := shellQuote(path.Join(g.app.dir, "build"))
	libs := build + "/libs"
	jar := func(task, why string) jvmDelivery {
		return jvmDelivery{goals: g.task(task), keep: keepJar(libs), start: server.java("-jar app.jar"), why: why}
	}
	switch {
	case g.applies(g.app, "org.springframework.boot"):
		return jar("bootJar", "the Spring Boot plugin makes a jar with its dependencies")
	case g.applies(g.app, "io.quarkus"):
		return jvmDelivery{goals: g.task("quarkusBuild"), keep: "mkdir -p " + jvmFolder + "\ncp -r " + build + "/quarkus-app/. " + jvmFolder + "/",
			start: server.java("-jar quarkus-run.jar"), why: "Quarkus packages a folder with quarkus-run.jar"}
	case g.applies(g.app, "io.ktor.plugin"):
		return jar("buildFatJar", "the Ktor plugin makes a jar with its dependencies")
	case g.applies(g.app, "com.gradleup.shadow"), g.applies(g.app, "com.github.johnrengelman.shadow"):
		return jar("shadowJar", "the Shadow plugin makes a jar with its dependencies")
	case g.applies(g.app, "application"), g.applies(g.app, "io.micronaut.application"):
		return g.distribution(build, server)
	case g.applies(g.app, "war"):
		d := p.tomcat(g.source, g.app.dir, libs+"/*.war")
		d.goals = g.task("war")
		return d
	}
	return g.plainJar(libs, server)
}

// distribution: the application plugin makes a folder with a start script, which is named after the project.
func (g *gradleBuild) distribution(build string, server jvmServer) jvmDelivery {
	start := strings.TrimSpace("exec bin/server " + server.args)
	if server.flags != "" {
		start = strings.TrimSpace(`exec env JAVA_OPTS="$JAVA_OPTS ` + strings.ReplaceAll(server.flags, "'", "") + `" bin/server ` + server.args)
	}
	return jvmDelivery{goals: g.task("installDist"),
		keep: "mkdir -p " + jvmFolder + "\ncp -r " + build + "/install/*/. " + jvmFolder + "/\nrm -f " + jvmFolder + "/bin/*.bat\n" +
			"set -- " + jvmFolder + "/bin/*\ntest \"$1\" = " + jvmFolder + "/bin/server || mv \"$1\" " + jvmFolder + "/bin/server",
		start: start, why: "the application plugin makes a folder with a start script"}
}

// plainJar: a jar whose manifest names a main class can be started, its dependencies aside.
func (g *gradleBuild) plainJar(libs string, server jvmServer) jvmDelivery {
	d := jvmDelivery{goals: g.task("assemble"), keep: keepJar(libs), why: "the jar's manifest names its main class"}
	if strings.Contains(g.app.script, "Main-Class") {
		d.start = server.java("-jar app.jar")
	}
	return d
}
