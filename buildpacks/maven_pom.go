package buildpacks

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// mavenPOM is what a plan needs of a pom.xml.
type mavenPOM struct {
	ArtifactID   string          `xml:"artifactId"`
	Packaging    string          `xml:"packaging"`
	Parent       mavenArtifact   `xml:"parent"`
	Modules      []string        `xml:"modules>module"`
	Properties   mavenProperties `xml:"properties"`
	Dependencies []mavenArtifact `xml:"dependencies>dependency"`
	Plugins      []mavenPlugin   `xml:"build>plugins>plugin"`
	Profiles     []mavenProfile  `xml:"profiles>profile"`
}

type mavenProfile struct {
	ID      string `xml:"id"`
	Default bool   `xml:"activation>activeByDefault"`
}

type mavenArtifact struct {
	GroupID    string `xml:"groupId"`
	ArtifactID string `xml:"artifactId"`
}

type mavenPlugin struct {
	mavenArtifact
	Configuration mavenConfiguration `xml:"configuration"`
	Executions    []struct {
		Configuration mavenConfiguration `xml:"configuration"`
	} `xml:"executions>execution"`
}

// mavenConfiguration holds the settings of compilers and packagers that matter.
type mavenConfiguration struct {
	Release   string `xml:"release"`
	Source    string `xml:"source"`
	Target    string `xml:"target"`
	JVMTarget string `xml:"jvmTarget"`
	MainClass string `xml:"mainClass"`
	Manifest  string `xml:"archive>manifest>mainClass"`
	// Items holds the artifacts that the dependency plugin copies.
	Items []mavenArtifact `xml:"artifactItems>artifactItem"`
}

// mavenProperties are a POM's properties, each an element of its own name.
type mavenProperties map[string]string

func (m *mavenProperties) UnmarshalXML(d *xml.Decoder, _ xml.StartElement) error {
	*m = mavenProperties{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if _, end := token.(xml.EndElement); end {
			return nil
		}
		if !ok {
			continue
		}
		var value string
		if err := d.DecodeElement(&value, &start); err != nil {
			return err
		}
		(*m)[start.Name.Local] = strings.TrimSpace(value)
	}
}

// readPOM reads a pom.xml; false where there is none. One that is no XML is a *SyntaxError with its line.
func readPOM(s source, name string) (mavenPOM, bool, error) {
	content, ok, err := s.read(name)
	if err != nil || !ok {
		return mavenPOM{}, false, err
	}
	pom, err := parsePOM(content)
	if err != nil {
		return mavenPOM{}, false, xmlSyntax(name, err, "run `mvn validate` to see what is wrong")
	}
	return pom, true, nil
}

func parsePOM(content []byte) (mavenPOM, error) {
	var pom mavenPOM
	err := decodeXML(content, &pom)
	return pom, err
}

// decodeXML reads XML whatever encoding it declares: the names that matter are ASCII in all of them.
func decodeXML(content []byte, into any) error {
	d := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(content, []byte("?"))))
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	return d.Decode(into)
}

func xmlSyntax(file string, err error, advice string) error {
	e := &SyntaxError{File: file, Problem: err.Error(), Advice: advice}
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		e.Line, e.Problem = syntax.Line, syntax.Msg
	}
	return e
}

// javaLevel is the release that a POM compiles for, under any of the names in use.
func (p mavenPOM) javaLevel() Version {
	for _, name := range []string{"maven.compiler.release", "java.version", "release.version", "maven.compiler.target", "maven.compiler.source",
		"kotlin.compiler.jvmTarget", "jdk.version"} {
		if v := p.value(p.Properties[name]); v != "" {
			return Version{Wanted: v, Source: name}
		}
	}
	for _, plugin := range p.Plugins {
		c := plugin.Configuration
		for _, v := range []string{c.Release, c.Target, c.Source, c.JVMTarget} {
			if v = p.value(v); javaRelease(v) != 0 {
				return Version{Wanted: v, Source: plugin.ArtifactID}
			}
		}
	}
	return Version{}
}

// value resolves a property reference once: ${java.version}.
func (p mavenPOM) value(v string) string {
	v = strings.TrimSpace(v)
	if name, ok := strings.CutPrefix(v, "${"); ok {
		v = p.Properties[strings.TrimSuffix(name, "}")]
	}
	if strings.Contains(v, "$") {
		return ""
	}
	return v
}

// packagers are plugins that make a jar with all that it needs, or a program of another form.
var packagers = []string{"spring-boot-maven-plugin", "quarkus-maven-plugin", "micronaut-maven-plugin", "maven-shade-plugin", "maven-assembly-plugin"}

// packagesProgram tells a module whose jar can be run from a library.
func (p mavenPOM) packagesProgram() bool {
	return p.Packaging == "war" || p.Packaging == "quarkus" ||
		slices.ContainsFunc(p.Plugins, func(plugin mavenPlugin) bool { return slices.Contains(packagers, plugin.ArtifactID) })
}

// mainClass is the class that a packaging plugin names, or "".
func (p mavenPOM) mainClass() string {
	for _, plugin := range p.Plugins {
		for _, v := range []string{plugin.Configuration.Manifest, plugin.Configuration.MainClass} {
			if v = p.value(v); v != "" {
				return v
			}
		}
	}
	for _, name := range []string{"exec.mainClass", "main.class", "mainClass", "start-class"} {
		if v := p.value(p.Properties[name]); v != "" {
			return v
		}
	}
	return ""
}

// names tells whether the POM names an artifact among its dependencies or what plugins copy.
func (p mavenPOM) names(artifact string) bool {
	is := func(a mavenArtifact) bool { return a.ArtifactID == artifact }
	if slices.ContainsFunc(p.Dependencies, is) {
		return true
	}
	for _, plugin := range p.Plugins {
		if slices.ContainsFunc(plugin.Configuration.Items, is) {
			return true
		}
		for _, execution := range plugin.Executions {
			if slices.ContainsFunc(execution.Configuration.Items, is) {
				return true
			}
		}
	}
	return false
}

// coordinates are the group ids that a POM names, of its parent, plugins and dependencies.
func (p mavenPOM) coordinates() []string {
	names := []string{p.Parent.GroupID}
	for _, plugin := range p.Plugins {
		names = append(names, p.value(plugin.GroupID))
	}
	for _, d := range p.Dependencies {
		names = append(names, p.value(d.GroupID))
	}
	return names
}
