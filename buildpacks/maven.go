package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// mavenProject is a Maven source: the project at the root, and the one to run, the root itself or one of its modules.
type mavenProject struct {
	job
	root    mavenPOM
	modules []mavenModule // with the root first
	app     mavenModule
}

// mavenModule is one project of a build.
type mavenModule struct {
	dir string
	pom mavenPOM
}

// detectMaven plans a pom.xml: package the project to run, keep its jar, run it on a JRE.
func detectMaven(j job) (*Plan, error) {
	m, err := readMaven(j)
	if m == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "java", PackageManager: "maven"}
	p.decide("Java with Maven", "there is a pom.xml at the root of the source", "add a Dockerfile")
	if err := p.chooseJava(j, m.javaWish(), Version{}); err != nil {
		return nil, err
	}
	why, err := m.chooseModule()
	if err != nil {
		return nil, err
	}
	if m.app.dir != "." {
		p.decide("module "+m.app.dir, why, "give --dir FOLDER, or name the service like the module")
	}
	server := jvmServerOf(m.coordinates())
	if p.Framework = server.name; p.Framework != "" {
		p.decide("framework "+p.Framework, "the POM names "+server.shownBy[0], "")
	}
	p.runOnJava()
	return p, m.plan(p, server.told(m.source, p, m.app.dir))
}

// readMaven reads the root's pom.xml and those of its modules; nil where there is none.
func readMaven(j job) (*mavenProject, error) {
	root, ok, err := readPOM(j.source, "pom.xml")
	if err != nil || !ok {
		return nil, err
	}
	m := &mavenProject{job: j, root: root}
	if err := m.addModules(".", root, 0); err != nil {
		return nil, err
	}
	m.app = m.modules[0]
	return m, nil
}

// mavenDepth bounds how deep modules of modules are followed.
const mavenDepth = 4

func (m *mavenProject) addModules(dir string, pom mavenPOM, level int) error {
	m.modules = append(m.modules, mavenModule{dir, pom})
	for _, name := range pom.Modules {
		folder := path.Join(dir, strings.TrimSpace(name))
		file := path.Join(folder, "pom.xml")
		if strings.HasSuffix(name, ".xml") || !insideSource(folder) || level == mavenDepth || len(m.modules) > maxMembers {
			continue
		}
		child, ok, err := readPOM(m.source, file)
		if err != nil {
			return err
		}
		if ok {
			if err := m.addModules(folder, child, level+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// javaWish is the release that the build is for: of the module to run if it says, else of the root.
func (m *mavenProject) javaWish() javaWish {
	for _, module := range append([]mavenModule{m.app}, m.modules...) {
		if v := module.pom.javaLevel(); v.Source != "" {
			v.Source = path.Join(module.dir, "pom.xml") + " " + v.Source
			return javaWish{v, true}
		}
	}
	return javaWish{}
}

// chooseModule finds the project to run among several.
func (m *mavenProject) chooseModule() (why string, err error) {
	if len(m.modules) == 1 {
		return "", nil
	}
	if dir := m.options.Dir; dir != "" {
		return "--dir names it", m.take(dir)
	}
	runnable := m.runnable()
	for _, module := range runnable {
		if service := m.options.Service; service != "" && (path.Base(module.dir) == service || module.pom.ArtifactID == service) {
			m.app = module
			return "it is named like the service", nil
		}
	}
	if len(runnable) == 1 {
		m.app = runnable[0]
		return "it is the only module with a program", nil
	}
	if len(runnable) > 1 && !m.startGiven() {
		return "", ambiguousFolders("modules", foldersOf(runnable))
	}
	return "", nil
}

func foldersOf(modules []mavenModule) []string {
	dirs := make([]string, len(modules))
	for i, module := range modules {
		dirs[i] = module.dir
	}
	return dirs
}

func (m *mavenProject) take(dir string) error {
	for _, module := range m.modules {
		if module.dir == dir {
			m.app = module
			return nil
		}
	}
	return &IncompleteError{Language: "Maven", Missing: dir + " is no module of pom.xml", Advice: "modules are: " + strings.Join(foldersOf(m.modules), ", ")}
}

// runnable are the modules that package a program: by their plugins, else by their main classes.
func (m *mavenProject) runnable() []mavenModule {
	packaged := slices.DeleteFunc(slices.Clone(m.modules), func(x mavenModule) bool {
		return x.pom.Packaging == "pom" || !x.pom.packagesProgram()
	})
	if len(packaged) > 0 {
		return packaged
	}
	return slices.DeleteFunc(slices.Clone(m.modules), func(x mavenModule) bool {
		return x.pom.Packaging == "pom" || len(mainClasses(m.source, path.Join(x.dir, "src/main"))) == 0
	})
}

// coordinates are what the module to run and its parents name: group ids of parents, dependencies and plugins.
func (m *mavenProject) coordinates() []string {
	names := m.app.pom.coordinates()
	if m.app.dir != "." {
		names = append(names, m.root.Parent.GroupID)
	}
	return names
}

// command is the Maven to call: the wrapper where it is whole, else the image's.
func (m *mavenProject) command() (command, why string) {
	if m.isFile("mvnw") && m.isFile(".mvn/wrapper/maven-wrapper.properties") {
		return "sh ./mvnw", "the wrapper is committed"
	}
	if m.isFile("mvnw") {
		return "mvn", "mvnw is there, and .mvn/wrapper/maven-wrapper.properties is not"
	}
	return "mvn", "there is no wrapper"
}

// plan writes the steps and the start. The official image sets MAVEN_CONFIG to a folder, which the wrapper takes for
// arguments.
func (m *mavenProject) plan(p *Plan, server jvmServer) error {
	command, why := m.command()
	p.BuildImage = mavenImage(p.Version.Resolved)
	p.BuildEnv = buildEnv(javaPath, map[string]string{"MAVEN_OPTS": "-Xmx1024m", "MAVEN_CONFIG": ""})
	delivery := m.delivery(p, server)
	if delivery.warning != "" {
		p.warn("%s", delivery.warning)
	}
	if delivery.start == "" && !m.startGiven() {
		return m.noStart()
	}
	delivery.keep += server.keepFile()
	arguments := " -B -ntp -DskipTests"
	if profile, why := m.profile(); profile != "" {
		arguments += " -P" + profile
		p.decide("profile "+profile, why, "--build 'CMD'")
	}
	m.deliverJVM(p, delivery, Step{Name: "build with Maven", Command: command + arguments + m.selection() + " " + delivery.goals, Caches: []string{mavenCache}}, why)
	return nil
}

func (m *mavenProject) noStart() error {
	return &IncompleteError{Language: "Java", Missing: "no class with a main method is below src/main, and no plugin packages a program",
		Advice: "name the mainClass in pom.xml, add a Procfile with `web: java -cp target/classes:target/dependency/* CLASS`, or give --run 'CMD'"}
}

// profile is the profile that a project is built with for production, with its reason: that of Vaadin, which bundles the
// frontend there, or the counterpart of one that is for development and active by default, as JHipster has it.
func (m *mavenProject) profile() (id, why string) {
	profiles := slices.Concat(m.app.pom.Profiles, m.root.Profiles)
	development := slices.ContainsFunc(profiles, func(p mavenProfile) bool { return p.Default && strings.HasPrefix(p.ID, "dev") })
	vaadin := slices.Contains(m.coordinates(), "com.vaadin")
	for _, p := range profiles {
		switch {
		case p.Default || p.ID != "prod" && p.ID != "production":
		case vaadin:
			return p.ID, "Vaadin bundles its frontend in it"
		case development:
			return p.ID, "the profile that is active by default is for development"
		}
	}
	return "", ""
}

// selection makes Maven build the module to run and those that it needs.
func (m *mavenProject) selection() string {
	if m.app.dir == "." {
		return ""
	}
	return " -pl " + shellQuote(m.app.dir) + " -am"
}
