package buildpacks

import (
	"path"
	"strings"
)

// detectPlainJava plans Java without a build tool: sources that javac compiles as they are, or a jar that is
// committed.
func detectPlainJava(j job) (*Plan, error) {
	sources := javaSources(j.source)
	jar := committedJar(j.source)
	if len(sources) == 0 && jar == "" {
		return nil, nil
	}
	p := &Plan{Language: "java"}
	if err := p.chooseJava(j, javaWish{}, Version{}); err != nil {
		return nil, err
	}
	p.BuildImage, p.BuildEnv = jdkImage(p.Version.Resolved), buildEnv(javaPath, nil)
	p.runOnJava()
	if len(sources) > 0 {
		return p, j.planJavac(p, sources)
	}
	p.decide("run "+jar, "it is the only jar at the root of the source, and there is no build tool", "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	p.Start = "exec java -jar " + shellQuote(jar)
	p.Copy = []Copy{{From: appFolder, To: appFolder, Exclude: []string{".git"}}}
	if build := j.options.Build; build != "" {
		p.Steps = []Step{{Name: "build", Command: build}}
		p.decide("build: "+build, "--build was given", "")
	}
	return p, nil
}

// javaSources are the folders of sources that no build tool looks after: src/main/java, src, or the root.
func javaSources(s source) []string {
	for _, dir := range []string{"src/main/java", "src", "."} {
		shallow := func(string) bool { return dir != "." }
		found := false
		if s.isDir(dir) {
			s.walk(dir, shallow, func(name string) bool {
				found = path.Ext(name) == ".java"
				return !found
			})
		}
		if found {
			return []string{dir}
		}
	}
	return nil
}

// committedJar is the only jar at the root, or "".
func committedJar(s source) string {
	jar := ""
	for _, name := range s.list(".") {
		if strings.HasSuffix(name, ".jar") {
			if jar != "" {
				return ""
			}
			jar = name
		}
	}
	return jar
}

// planJavac compiles every source below a folder, with the jars of lib/ on the class path.
func (j job) planJavac(p *Plan, sources []string) error {
	dir := sources[0]
	build := "mkdir -p " + jvmFolder + "/classes " + jvmFolder + "/lib\nif test -d lib; then cp lib/*.jar " + jvmFolder + "/lib/ || true; fi\n" +
		"find " + shellQuote(dir) + " -name '*.java' > /tmp/sources\njavac -encoding UTF-8 -d " + jvmFolder + "/classes -cp '" + jvmFolder + "/lib/*' @/tmp/sources"
	if dir == "." {
		build = strings.Replace(build, "find . ", "find . -maxdepth 1 ", 1)
	}
	p.decide("compiled with javac", "there are .java files below "+folderName(dir)+" and no pom.xml or build.gradle", "add a pom.xml or a build.gradle")
	if j.options.Build != "" {
		build = j.options.Build
		p.decide("build: "+build, "--build was given", "")
	}
	p.Steps = []Step{{Name: "compile", Command: build}}
	p.Copy = []Copy{{From: jvmFolder, To: appFolder}, {From: appFolder, To: appFolder, Exclude: []string{".git", "**/*.java", "lib"}}}
	if j.options.Build != "" {
		p.Copy = p.Copy[1:]
	}
	mains := mainClasses(j.source, dir)
	switch {
	case len(mains) == 1:
		p.Start = "exec java -cp 'classes:lib/*' " + mains[0]
		p.decide("start: "+p.Start, "it is the only class with a main method", "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	case !j.startGiven() && len(mains) > 1:
		return &AmbiguousError{What: "classes with a main method", Candidates: mains, Choose: []string{
			"add a Procfile: `web: java -cp classes:lib/* " + mains[0] + "`", "give --run 'java -cp classes:lib/* " + mains[0] + "'", "add a pom.xml that names the mainClass"}}
	case !j.startGiven():
		return &IncompleteError{Language: "Java", Missing: "no class has a main method", Advice: "add `public static void main(String[] args)` to the class to start, or give --run 'CMD'"}
	}
	return nil
}
