package buildpacks

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestJavaReleasesAreReadAsTheirToolsWriteThem(t *testing.T) {
	for wanted, want := range map[string]int{"17": 17, "1.8": 8, "11.0.2": 11, "temurin-21.0.4+7": 21, "openjdk64-11.0.1": 11, "17.0.2-tem": 17,
		"zulu-8.60.0.21": 8, "graalvm-ce-java17-22.3.0": 17, "corretto-25": 25, "21-open": 21, "": 0, "lts": 0, "${java}": 0} {
		if got := javaRelease(wanted); got != want {
			t.Errorf("%q: got %d, want %d", wanted, got, want)
		}
	}
}

func TestALevelIsMetByANewerJavaAndAPinByItselfAlone(t *testing.T) {
	for wanted, want := range map[string][2]string{"17": {"17", "17"}, "1.8": {"8", "8"}, "7": {"", "8"}, "16": {"", "17"}, "22": {"", "25"}, "26": {"", ""}, "x": {"", ""}} {
		pin := resolveJava(offeredJava, javaWish{Version: Version{Wanted: wanted}})
		level := resolveJava(offeredJava, javaWish{Version: Version{Wanted: wanted}, atLeast: true})
		if pin != want[0] || level != want[1] {
			t.Errorf("%q: got %q and %q, want %q", wanted, pin, level, want)
		}
	}
}

func TestJavaVersionSourcesAreAskedInOrder(t *testing.T) {
	files := tree("pom.xml", "<project><properties><java.version>11</java.version></properties></project>", "src/main/java/A.java", "class A { public static void main(String[] a) {} }")
	expect := func(resolved, source string) {
		t.Helper()
		if p := mustDetect(t, files, Options{}); p.Version.Resolved != resolved || p.Version.Source != source {
			t.Errorf("got %+v, want %s of %s", p.Version, resolved, source)
		}
	}
	expect("11", "pom.xml java.version")
	for _, more := range [][4]string{{"mise.toml", "[tools]\njava = \"temurin-25\"\n", "25", "mise.toml"}, {".tool-versions", "java temurin-17.0.1+12\n", "17", ".tool-versions"},
		{".sdkmanrc", "# sdk env\njava=21.0.2-tem\n", "21", ".sdkmanrc java"}, {".java-version", "17\n", "17", ".java-version"},
		{"system.properties", "java.runtime.version = 1.8\n", "8", "system.properties java.runtime.version"}} {
		files[more[0]] = tree("x", more[1])["x"]
		expect(more[2], more[3])
	}
	files["system.properties"] = tree("x", "java.runtime.version=14")["x"]
	var version *VersionError
	if _, err := Detect(files, Options{}); !errors.As(err, &version) || !slices.Equal(version.Offered, offeredJava) {
		t.Errorf("got %v", err)
	}
}

func TestDropwizardIsStartedWithItsConfigurationAndToldItsPort(t *testing.T) {
	const pom = `<project><dependencies><dependency><groupId>%</groupId><artifactId>%%</artifactId></dependency></dependencies></project>`
	app := func(group, artifact string, more ...string) Plan {
		t.Helper()
		text := strings.Replace(strings.Replace(pom, "%%", artifact, 1), "%", group, 1)
		return mustDetect(t, tree(append([]string{"pom.xml", text, "src/main/java/A.java", "class A { public static void main(String[] a) {} }"}, more...)...), Options{})
	}
	p := app("io.dropwizard", "dropwizard-core", "config.yml", "server:\n  applicationConnectors:\n    - {type: http, port: 9000}\n")
	if p.Framework != "dropwizard" || p.Start != "exec java '-Ddw.server.applicationConnectors[0].port='${PORT:-8080} -cp 'classes:lib/*' A server config.yml" {
		t.Errorf("%s starts %q", p.Framework, p.Start)
	}
	if command := p.Steps[0].Command; !strings.HasSuffix(command, "\ncp config.yml /opt/app/") {
		t.Errorf("the configuration is not kept: %q", command)
	}
	if p := app("io.dropwizard.metrics", "metrics-core"); p.Framework != "" || p.Start != "exec java -cp 'classes:lib/*' A" {
		t.Errorf("a library of Dropwizard's makes it %s, started by %q", p.Framework, p.Start)
	}
}

func TestAWebArchiveAloneIsServedByTheTomcatThatItIsMadeFor(t *testing.T) {
	const pom = "<project><packaging>war</packaging><properties><java.version>17</java.version></properties></project>"
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"of today":        {[]string{"pom.xml", pom, "src/main/webapp/index.jsp", "x"}, "docker.io/library/tomcat:10.1"},
		"old imports":     {[]string{"pom.xml", pom, "src/main/java/A.java", "import javax.servlet.http.HttpServlet;"}, "docker.io/library/tomcat:9.0"},
		"an old web.xml":  {[]string{"pom.xml", pom, "src/main/webapp/WEB-INF/web.xml", `<web-app xmlns="http://xmlns.jcp.org/xml/ns/javaee" version="4.0"/>`}, "docker.io/library/tomcat:9.0"},
		"for Java 8":      {[]string{"pom.xml", strings.Replace(pom, "17", "1.8", 1), "src/main/webapp/index.jsp", "x"}, "docker.io/library/tomcat:9.0"},
		"built by Gradle": {[]string{"build.gradle", "plugins { id 'war' }\n", "settings.gradle", "", "src/main/webapp/index.jsp", "x"}, "docker.io/library/tomcat:10.1"},
	} {
		p := mustDetect(t, tree(c.files...), Options{})
		if len(p.Copy) != 3 || p.Copy[1].Image != c.want || p.Copy[2].Image != c.want || p.Env["CATALINA_BASE"] != "/app" ||
			!strings.Contains(p.Start, "-Dcsph.port=${PORT:-8080}") || !strings.Contains(p.Files[tomcatConfig], `port="${csph.port}"`) {
			t.Errorf("%s: %+v", name, p)
		}
		if command := p.Steps[0].Command; !strings.Contains(command, ".war /opt/app/webapps/ROOT.war") {
			t.Errorf("%s: builds with %q", name, command)
		}
	}
}

func TestOfSeveralClassesTheOneThatServesIsStarted(t *testing.T) {
	got := likeliestFirst([]string{"a.ServerAdminClient", "a.Version", "a.Import", "b.ShopServerMain", "b.App"})
	if want := []string{"b.ShopServerMain", "b.App", "a.Import", "a.ServerAdminClient", "a.Version"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPOMThatIsNoXMLNamesTheLine(t *testing.T) {
	_, err := Detect(tree("pom.xml", "<project>\n<artifactId>x</project>"), Options{})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 2 {
		t.Errorf("got %v", err)
	}
}

func TestAPOMMayDeclareAnyEncoding(t *testing.T) {
	pom, err := parsePOM([]byte("<?xml version='1.0' encoding='ISO-8859-1'?><project><artifactId>caf\xe9</artifactId><packaging>war</packaging></project>"))
	if err != nil || pom.Packaging != "war" {
		t.Errorf("got %+v, %v", pom, err)
	}
}

func TestGradleRunsOnAJavaThatItsWrapperKnows(t *testing.T) {
	for version, want := range map[string]string{"8.14.3": "21", "8.4": "17", "7.6.4": "17", "7.2": "11", "6.9": "11", "4.10": "8", "9.1.0": "21"} {
		p := mustDetect(t, tree("build.gradle", "plugins { id 'application' }", "gradlew", "", "gradle/wrapper/gradle-wrapper.jar", "x",
			"gradle/wrapper/gradle-wrapper.properties", `distributionUrl=https\://x/gradle-`+version+`-bin.zip`), Options{})
		if p.Version.Resolved != want {
			t.Errorf("Gradle %s: got Java %s, want %s", version, p.Version.Resolved, want)
		}
	}
}

func TestGradleScriptsNameTheirPluginsInManyWays(t *testing.T) {
	for script, want := range map[string]string{
		"plugins { id 'org.springframework.boot' version '3' }":                             "org.springframework.boot",
		"plugins { id(\"io.quarkus\") }":                                                    "io.quarkus",
		"apply plugin: 'application'":                                                       "application",
		"plugins {\n  application\n}":                                                       "application",
		"plugins { kotlin(\"jvm\") version \"2\" }":                                         "org.jetbrains.kotlin.jvm",
		"plugins {\n  alias(libs.plugins.spring.boot)\n}":                                   "org.springframework.boot",
		"plugins {\n  alias(libs.plugins.spring.boot) apply false\n}":                       "",
		"plugins {\n  id(\"org.springframework.boot\") version \"3\" apply false\n}":        "",
		"plugins {\n  // id 'application'\n}\n":                                             "",
		"plugins {\n  /*\n  id 'application'\n  */\n  id 'com.gradleup.shadow' version '8'": "com.gradleup.shadow",
	} {
		g := readGradle(job{source: source{tree("build.gradle", script, "gradle/libs.versions.toml", "[plugins]\nspring-boot = { id = \"org.springframework.boot\", version = \"3\" }\n")}})
		if got := strings.Join(g.plugins(g.app), " "); got != want {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
}

func TestAGivenStartCommandFindsWhatWasBuiltWhereTheBuildPutIt(t *testing.T) {
	p := mustDetect(t, tree("pom.xml", "<project/>", "Procfile", "web: java -jar target/app.jar"), Options{})
	if p.Start != "java -jar target/app.jar" || p.Copy[0].From != appFolder || p.Copy[0].To != appFolder || strings.Contains(p.Steps[0].Command, jvmFolder) {
		t.Errorf("got %+v", p)
	}
}

func TestSeveralMainClassesAreToldApart(t *testing.T) {
	const main = "public class %s { public static void main(String[] a) {} }"
	_, err := Detect(tree("A.java", strings.ReplaceAll(main, "%s", "A"), "B.java", strings.ReplaceAll(main, "%s", "B")), Options{})
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, []string{"A", "B"}) || len(ambiguous.Choose) != 3 {
		t.Errorf("got %v", err)
	}
}

func FuzzParsePOM(f *testing.F) {
	f.Add([]byte("<project><properties><a>1</a></properties><modules><module>x</module></modules></project>"))
	f.Add([]byte("<?xml version='1.0' encoding='UTF-16'?><project><build><plugins><plugin><configuration><release>${a}</release></configuration></plugin></plugins></build></project>"))
	f.Fuzz(func(t *testing.T, content []byte) {
		pom, err := parsePOM(content)
		if err == nil {
			pom.javaLevel()
			pom.mainClass()
			pom.coordinates()
		}
	})
}
