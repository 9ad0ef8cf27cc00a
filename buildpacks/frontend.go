package buildpacks

import (
	"slices"
	"strings"
)

// frontend is the part of a mixed source that Node.js builds: the assets of an app in another language. Both
// toolchains are in the build image, nothing of Node.js is in the run image. A nil frontend adds nothing.
type frontend struct {
	app     *nodeApp
	version Version
	scripts []string // of the given ones, those that package.json has
}

// nodeFolder holds Node.js in build images of other languages.
const nodeFolder = "/opt/node"

// readFrontend reads the package.json at the root of the source; nil where there is none, or where it has none of
// scripts and no dependencies: there is nothing to build then.
func readFrontend(j job, scripts ...string) (*frontend, error) {
	content, ok, err := j.read("package.json")
	if err != nil || !ok {
		return nil, err
	}
	pkg, err := parsePackageJSON("package.json", content)
	if err != nil {
		return nil, err
	}
	f := &frontend{app: &nodeApp{job: j, root: pkg, pkg: pkg, dir: ".", manager: chooseManager(j.source, pkg)}}
	for _, name := range scripts {
		if pkg.Scripts[name] != "" {
			f.scripts = append(f.scripts, name)
		}
	}
	if len(f.scripts) == 0 && (len(scripts) > 0 || !f.app.hasDependencies()) {
		return nil, nil
	}
	return f, f.chooseNode()
}

func (f *frontend) chooseNode() error {
	if f.version = nodeVersion(f.app.source, f.app.pkg); f.version.Source == "" {
		f.version = Version{Resolved: defaultNode, Source: "default"}
		return nil
	}
	if f.version.Resolved = resolveNode(f.version.Wanted); f.version.Resolved == "" {
		return &VersionError{Language: "Node.js", Wanted: f.version.Wanted, Source: f.version.Source, Offered: offeredNode}
	}
	return nil
}

// tools brings Node.js and the package manager into the build container.
func (f *frontend) tools(p *Plan) {
	if f == nil {
		return
	}
	p.bringNode(f.version.Resolved)
	p.decide(strings.TrimSpace("Node.js "+f.version.Resolved+" and "+f.app.manager.name+" "+f.app.manager.version)+" while building",
		"package.json builds the assets; "+f.app.manager.why, "set engines.node in package.json, or remove package.json")
	p.BuildEnv = mergeEnv(p.BuildEnv, p.oldHashes(f.app.pkg))
	f.app.setupStep(p)
}

// bringNode copies the Node.js of its official image.
func (p *Plan) bringNode(major string) {
	p.Tools = append(p.Tools, Copy{Image: nodeImage(major), From: "/usr/local", To: nodeFolder, Exclude: []string{"include", "share", "lib/node_modules/corepack"}})
}

func (f *frontend) paths() string {
	if f == nil {
		return ""
	}
	return f.app.manager.paths() + nodeFolder + "/bin:"
}

func (f *frontend) env() map[string]string {
	if f == nil {
		return nil
	}
	return mergeEnv(f.app.manager.env(), f.app.toolEnv())
}

func (f *frontend) caches() []string {
	if f == nil {
		return nil
	}
	return f.app.manager.caches()
}

// installStep installs the packages, those of development too: builds need them.
func (f *frontend) installStep(p *Plan) {
	if f == nil || !f.app.hasDependencies() {
		return
	}
	before := len(p.Steps)
	sourceSeen := slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Inputs == nil })
	f.app.installStep(p, "install Node.js packages", f.app.manager.install())
	if len(p.Steps) > before && sourceSeen {
		p.Steps[len(p.Steps)-1].Inputs = nil
	}
}

// buildStep runs the scripts.
func (f *frontend) buildStep(p *Plan) {
	if f == nil || len(f.scripts) == 0 {
		return
	}
	command := f.buildCommand()
	p.decide("assets: "+strings.ReplaceAll(command, "\n", ", "), "scripts."+strings.Join(f.scripts, ", scripts.")+" in package.json", "change the script, or --build 'CMD'")
	p.Steps = append(p.Steps, Step{Name: "build assets", Command: "export NODE_ENV=production\n" + command, Caches: f.caches()})
}

func (f *frontend) buildCommand() string {
	commands := make([]string, len(f.scripts))
	for i, name := range f.scripts {
		commands[i] = f.app.manager.run(".", name)
	}
	return strings.Join(commands, "\n")
}
