package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// nodeApp is the package to deploy: the one at the root of the source, or a member of its workspace.
type nodeApp struct {
	job
	root    packageJSON
	pkg     packageJSON // of the app itself; root's where dir is "."
	dir     string
	members []member   // of the workspace, without the root
	nx      *nxProject // the project to deploy, of a source that nx builds
	manager nodeManager
}

// productionFolder holds the dependencies without those of development, installed apart so that a change of
// the source touches neither them nor their layer.
const productionFolder = "/opt/production"

// detectNode plans a package.json: install, build, and run a server or serve what was built.
func detectNode(j job) (*Plan, error) {
	a, err := readNodeApp(j)
	if a == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "node", User: runUser}
	p.decide("Node.js", "there is a package.json at the root of the source", "add a Dockerfile")
	if a.dir != "." {
		p.decide("workspace member "+a.dir, "it is the one that can be deployed", "give --dir FOLDER, or name the service like the member")
	}
	if a.nx != nil {
		p.decide("nx project "+a.nx.Name, a.nx.why, "give --dir FOLDER, or name the service like the project")
	}
	if err := p.chooseNode(a.source, a.versionPackage()); err != nil {
		return nil, err
	}
	p.PackageManager = a.manager.name
	p.decide(strings.TrimSpace(a.manager.name+" "+a.manager.version), a.manager.why, "commit one lockfile, or set packageManager in package.json")
	p.BuildImage = nodeImage(p.Version.Resolved)
	d := a.delivery()
	p.Framework = d.framework
	if d.framework != "" {
		p.decide("framework "+d.framework, d.why, "")
	}
	p.BuildEnv = buildEnv(a.manager.paths(), mergeEnv(a.manager.env(), p.oldHashes(a.pkg, a.root), d.buildEnv, a.toolEnv()))
	p.Warnings = append(p.Warnings, d.warnings...)
	if d.site != nil {
		a.planSite(p, d)
		return p, nil
	}
	p.Steps = append(p.Steps, d.before...)
	return p, a.planServer(p, d)
}

// readNodeApp reads package.json and finds the package to deploy; nil where there is none, or where it is
// only there for the tools of a static site.
func readNodeApp(j job) (*nodeApp, error) {
	content, ok, err := j.read("package.json")
	if err != nil || !ok {
		return nil, err
	}
	pkg, err := parsePackageJSON("package.json", content)
	if err != nil {
		return nil, err
	}
	a := &nodeApp{job: j, root: pkg, pkg: pkg, dir: "."}
	a.manager = chooseManager(j.source, pkg)
	if a.members, err = readMembers(j.source, pkg); err != nil {
		return nil, err
	}
	if a.onlyTools() {
		return nil, nil
	}
	if a.nx, err = readNx(a); a.nx != nil || err != nil {
		return a, err
	}
	return a, a.chooseMember()
}

// onlyTools tells a static site whose package.json holds linters and the like.
func (a *nodeApp) onlyTools() bool {
	return len(a.members) == 0 && a.options.Run == "" && a.procfile.Web() == "" &&
		a.pkg.Scripts["start"] == "" && a.pkg.Scripts["build"] == "" && a.entry() == "" &&
		(siteRoot(a.source) != "" || a.isFile("Staticfile"))
}

// versionPackage is the package.json whose engines count: the app's, else the root's.
func (a *nodeApp) versionPackage() packageJSON {
	if a.pkg.Engines["node"] == "" && a.pkg.Volta["node"] == "" {
		return a.root
	}
	return a.pkg
}

// in is a path of the app within the source.
func (a *nodeApp) in(name string) string { return path.Join(a.dir, name) }

// appPath is a path of the app in the build and run containers.
func (a *nodeApp) appPath(name string) string { return path.Join(appFolder, a.dir, name) }

// planSite builds with every dependency and serves the folder that comes out.
func (a *nodeApp) planSite(p *Plan, d delivery) {
	a.setupStep(p)
	a.installStep(p, "install dependencies", a.manager.install())
	a.buildStep(p, d)
	p.serve(*d.site)
}

// planServer builds what runs on Node.js.
func (a *nodeApp) planServer(p *Plan, d delivery) error {
	start, why := a.start(d)
	if start == "" && !a.startGiven() {
		return a.noStart()
	}
	p.Start = start
	if start != "" {
		p.decide("start: "+start, why, "scripts.start in package.json, a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	p.RunImage = p.BuildImage
	p.Env = runEnv(a.runPaths(), mergeEnv(map[string]string{"NODE_ENV": "production", "HOST": "0.0.0.0"}, d.env))
	a.systemPackages(p)
	a.setupStep(p)
	if d.copies != nil {
		a.installStep(p, "install dependencies", a.manager.install())
		a.buildStep(p, d)
		p.Copy = d.copies
	} else {
		a.planDependencies(p, d)
	}
	a.shipManager(p)
	a.browserStep(p)
	if d.copies == nil && slices.Contains(listenThemselves, d.framework) {
		a.listenHint(p, a.dir, ".js", ".mjs", ".cjs", ".ts", ".mts")
	}
	return nil
}

// runPaths go in front of PATH in the run image, so that commands of packages are found without npx.
func (a *nodeApp) runPaths() string {
	paths := appFolder + "/node_modules/.bin:"
	if a.dir != "." {
		paths = a.appPath("node_modules/.bin") + ":" + paths
	}
	return paths
}

// listenThemselves are frameworks whose apps say in their code where they listen; "" is none.
var listenThemselves = []string{"", "express", "koa", "hapi", "hono", "fastify", "nest"}

func (a *nodeApp) noStart() error {
	missing := "nothing says how to start it: no scripts.start, no main that exists, no server.js, index.js or app.js"
	return &IncompleteError{Language: "Node.js", Missing: missing,
		Advice: "add `\"start\": \"node FILE\"` to scripts in package.json, add a Procfile with `web: COMMAND`, or give --run 'CMD'"}
}

// shipManager puts the package manager into the run image where a command calls it.
func (a *nodeApp) shipManager(p *Plan) {
	if a.manager.name == "npm" {
		return
	}
	called := func(command string) bool { return slices.Contains(shellWords(command), a.manager.name) }
	if !called(p.Start) && !slices.ContainsFunc(a.commands(), called) {
		return
	}
	p.Copy = append(p.Copy, Copy{From: managerFolder, To: managerFolder})
	p.Env["PATH"] = managerFolder + "/bin:" + p.Env["PATH"]
	p.decide(a.manager.name+" in the run image", "a command calls it", "call the program directly: it starts faster and gets signals")
}

// commands are those that run in the run image besides the detected start.
func (a *nodeApp) commands() []string {
	commands := []string{a.options.Run}
	for _, t := range a.procfile.Types {
		commands = append(commands, a.procfile.Commands[t])
	}
	return commands
}

func mergeEnv(envs ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, env := range envs {
		for k, v := range env {
			merged[k] = v
		}
	}
	return merged
}
