package buildpacks

import (
	"path"
	"regexp"
)

const (
	tomcatFolder = "/opt/tomcat"
	tomcatConfig = "/etc/csph/server.xml"
)

// tomcatServer is the configuration of a Tomcat that serves one application at the root, on the port in PORT. It believes
// the router about where requests come from, and no request can stop it.
const tomcatServer = `<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector port="${csph.port}" protocol="HTTP/1.1" URIEncoding="UTF-8"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" unpackWARs="true" autoDeploy="false" deployOnStartup="true" workDir="work">
        <Valve className="org.apache.catalina.valves.RemoteIpValve" protocolHeader="x-forwarded-proto"/>
        <Valve className="org.apache.catalina.valves.ErrorReportValve" showReport="false" showServerInfo="false"/>
      </Host>
    </Engine>
  </Service>
</Server>
`

// tomcat has a web archive served by Tomcat, as its documentation runs several instances of one installation
// (https://tomcat.apache.org/tomcat-10.1-doc/introduction.html#CATALINA_HOME_and_CATALINA_BASE): the program is the
// official image's, the instance is the app folder. Code that imports javax.servlet needs Tomcat 9, as does Java 8.
func (p *Plan) tomcat(s source, dir, archive string) jvmDelivery {
	image, version := "docker.io/library/tomcat:10.1", "10.1"
	if p.Version.Resolved == "8" || s.mentions(path.Join(dir, "src/main"), "javax.servlet") || oldServlets.MatchString(s.text(path.Join(dir, "src/main/webapp/WEB-INF/web.xml"))) {
		image, version = "docker.io/library/tomcat:9.0", "9"
	}
	p.decide("Tomcat "+version, "a web archive needs a servlet container", "let webapp-runner or jetty-runner be copied to target/dependency, or add a Dockerfile")
	return jvmDelivery{why: "Tomcat serves the archive at the root of the service",
		keep: "mkdir -p " + jvmFolder + "/webapps " + jvmFolder + "/logs " + jvmFolder + "/temp " + jvmFolder + "/work\n" +
			"cp " + archive + " " + jvmFolder + "/webapps/ROOT.war",
		start: `exec env CATALINA_OPTS="-Dcsph.port=${PORT:-8080} $CATALINA_OPTS" ` + tomcatFolder + "/bin/catalina.sh run -config " + tomcatConfig,
		copies: []Copy{{Image: image, From: "/usr/local/tomcat", To: tomcatFolder, Exclude: []string{"webapps*"}},
			{Image: image, From: "/usr/local/tomcat/conf", To: appFolder + "/conf"}},
		files: map[string]string{tomcatConfig: tomcatServer},
		env:   map[string]string{"CATALINA_HOME": tomcatFolder, "CATALINA_BASE": appFolder}}
}

// oldServlets finds a web.xml of before the packages of Java EE were renamed: up to version 4, by its namespace.
var oldServlets = regexp.MustCompile(`xmlns\.jcp\.org/xml/ns/javaee|java\.sun\.com/xml/ns|java\.sun\.com/dtd/web-app`)
