package buildpacks

import (
	"regexp"
)

// detectClojure plans a project.clj (Leiningen) or a deps.edn (tools.deps): an uberjar, run on a JRE.
func detectClojure(j job) (*Plan, error) {
	manifest := j.first("project.clj", "deps.edn")
	if manifest == "" {
		return nil, nil
	}
	p := &Plan{Language: "clojure"}
	p.decide("Clojure", "there is a "+manifest+" at the root of the source", "add a Dockerfile")
	if err := p.chooseJava(j, javaWish{}, Version{}); err != nil {
		return nil, err
	}
	p.runOnJava()
	p.Start = "exec java -jar app.jar"
	tool, command, keep, err := j.clojureBuild(p, manifest)
	if err != nil {
		return nil, err
	}
	p.PackageManager = tool
	p.BuildImage = "docker.io/library/clojure:temurin-" + p.Version.Resolved + "-" + tool
	p.BuildEnv = buildEnv(javaPath, map[string]string{"LEIN_ROOT": "1"})
	caches := []string{mavenCache}
	if tool == "tools-deps" {
		caches = append(caches, "/root/.gitlibs")
	}
	if j.startGiven() {
		p.wholeJVMSource("the start command is given, and may name anything that was built")
	} else {
		command += "\n" + keep
		p.Copy = []Copy{{From: jvmFolder, To: appFolder}}
		p.decide("start: "+p.Start, "the jar holds its dependencies", "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	p.Steps = []Step{{Name: "build the uberjar", Command: command, Caches: caches}}
	return p, nil
}

var (
	leinMain  = regexp.MustCompile(`:main\s`)
	buildUber = regexp.MustCompile(`\(defn\s+(?:\^\S+\s+)?(uber|uberjar|ci)\b`)
)

// clojureBuild is the tool and the command that makes the uberjar.
func (j job) clojureBuild(p *Plan, manifest string) (tool, command, keep string, err error) {
	const keepUber = "mkdir -p " + jvmFolder + "\n" + `cp "$(find target -name '*.jar' | xargs ls -S | head -n 1)" ` + jvmAppJar
	override := "--build 'CMD'"
	switch uber := buildUber.FindStringSubmatch(j.text("build.clj")); {
	case manifest == "project.clj":
		tool, command = "lein", "lein uberjar"
		if !leinMain.MatchString(j.text("project.clj")) && !j.startGiven() {
			return "", "", "", &IncompleteError{Language: "Clojure", Missing: "project.clj names no :main to start",
				Advice: "add `:main ^:skip-aot my-app.core`, a Procfile with `web: COMMAND`, or give --run 'CMD'"}
		}
	case uber != nil:
		tool, command = "tools-deps", "clojure -T:build "+uber[1]
	case j.options.Build == "":
		return "", "", "", &IncompleteError{Language: "Clojure", Missing: "deps.edn is there, and build.clj has no uber function",
			Advice: "add a build.clj with tools.build and a :build alias, or give --build 'CMD' and --run 'CMD'"}
	default:
		tool = "tools-deps"
	}
	if j.options.Build != "" {
		command, override = j.options.Build, ""
	}
	p.decide("build: "+command, tool+" makes a jar with all dependencies", override)
	return tool, command, keepUber, nil
}
