package buildpacks

import (
	"regexp"
	"strings"
)

// sbtImage has sbt on the JDK of a Java release; sbt itself takes the version of project/build.properties.
func sbtImage(release string) string {
	return "docker.io/sbtscala/scala-sbt:eclipse-temurin-" + sbtTags[release]
}

// sbtTags are the tags of the image that hold each Java release; it has none that follows releases.
var sbtTags = map[string]string{"21": "21.0.6_7_1.10.11_3.6.4", "17": "17.0.13_11_1.10.6_3.5.2",
	"11": "11.0.17_8_1.8.2_2.13.10", "8": "8u352-b08_1.8.2_2.13.10"}

// sbtCaches are kept between builds.
var sbtCaches = []string{"/root/.sbt", "/root/.ivy2", "/root/.cache/coursier"}

// sbtPlugin finds sbt plugins by their artifact.
var sbtPlugin = regexp.MustCompile(`addSbtPlugin\s*\(\s*"([^"]+)"\s*%\s*"([^"]+)"`)

// detectSbt plans a build.sbt whose plugins make a program: sbt-native-packager or Play (stage), or sbt-assembly.
func detectSbt(j job) (*Plan, error) {
	if !j.isFile("build.sbt") {
		return nil, nil
	}
	p := &Plan{Language: "scala", PackageManager: "sbt"}
	p.decide("Scala with sbt", "there is a build.sbt at the root of the source", "add a Dockerfile")
	if err := p.chooseJava(j, javaWish{}, Version{}); err != nil {
		return nil, err
	}
	if sbtTags[p.Version.Resolved] == "" {
		return nil, &VersionError{Language: "Java for sbt", Wanted: p.Version.Wanted, Source: p.Version.Source, Offered: []string{"21", "17", "11", "8"}}
	}
	p.runOnJava()
	p.BuildImage, p.BuildEnv = sbtImage(p.Version.Resolved), buildEnv(javaPath, nil)
	return p, j.planSbt(p)
}

func (j job) planSbt(p *Plan) error {
	goal, keep, why := j.sbtGoal(p)
	build := "sbt -batch " + goal
	if j.options.Build != "" {
		build, why = j.options.Build, "--build was given"
	} else if goal == "" && !j.startGiven() {
		return &IncompleteError{Language: "Scala", Missing: "project/plugins.sbt has no plugin that makes a program",
			Advice: "add sbt-native-packager (JavaAppPackaging) or sbt-assembly, or give --build 'CMD' and --run 'CMD'"}
	}
	p.decide("build: "+build, why, "--build 'CMD'")
	if j.startGiven() {
		p.wholeJVMSource("the start command is given, and may name anything that was built")
	} else {
		build += "\nmkdir -p " + jvmFolder + "\n" + keep
		p.Copy = []Copy{{From: jvmFolder, To: appFolder}}
		p.decide("start: "+p.Start, why, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	p.Steps = []Step{{Name: "build with sbt", Command: build, Caches: sbtCaches}}
	return nil
}

// sbtGoal is what makes the program, by the plugins of project/*.sbt; it sets the start.
func (j job) sbtGoal(p *Plan) (goal, keep, why string) {
	plugins := map[string]bool{}
	for _, name := range j.list("project") {
		if strings.HasSuffix(name, ".sbt") {
			for _, m := range sbtPlugin.FindAllStringSubmatch(j.text("project/"+name), -1) {
				plugins[m[2]] = true
				plugins[m[1]] = true
			}
		}
	}
	const stage = "cp -r target/universal/stage/. " + jvmFolder + "/\nrm -f " + jvmFolder + "/bin/*.bat\n" +
		"set -- " + jvmFolder + "/bin/*\ntest \"$1\" = " + jvmFolder + "/bin/server || mv \"$1\" " + jvmFolder + "/bin/server"
	switch {
	case plugins["org.playframework"] || plugins["com.typesafe.play"]:
		p.Framework = "play"
		p.Start = "exec bin/server -Dhttp.port=${PORT:-8080} -Dpidfile.path=/dev/null"
		p.warn("Play wants APPLICATION_SECRET (play.http.secret.key) in production: set it as a secret of the service, and allow the service's host in play.filters.hosts")
		return "stage", stage, "Play stages a folder with a start script"
	case plugins["sbt-native-packager"]:
		p.Start = "exec bin/server"
		return "stage", stage, "sbt-native-packager stages a folder with a start script"
	case plugins["sbt-assembly"]:
		p.Start = "exec java -jar app.jar"
		return "assembly", `cp "$(ls -S target/scala-*/*.jar | head -n 1)" ` + jvmAppJar, "sbt-assembly makes a jar with its dependencies"
	}
	return "", "", ""
}
