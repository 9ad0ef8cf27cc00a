package buildpacks

import (
	"path"
	"slices"
	"strings"
)

const (
	bunBuildImage = "docker.io/oven/bun:1-debian"
	bunRunImage   = "docker.io/oven/bun:1-slim"
	bunCache      = "/root/.bun/install/cache"
)

// bunEntries are looked for in this order where no script says what to start.
var bunEntries = []string{"index.ts", "server.ts", "app.ts", "main.ts", "src/index.ts", "src/server.ts", "src/app.ts", "src/main.ts", "index.tsx", "src/index.tsx"}

// detectBun plans a package.json whose program runs on Bun itself. Where Bun only installs packages, the source is
// Node.js's.
func detectBun(j job) (*Plan, error) {
	a, err := readNodeApp(j)
	if a == nil || err != nil {
		return nil, nil // Node.js's detection comes next, and says what is wrong
	}
	why := a.runsOnBun()
	if why == "" {
		return nil, nil
	}
	p := &Plan{Language: "bun", PackageManager: "bun", BuildImage: bunBuildImage, RunImage: bunRunImage, User: runUser}
	p.decide("Bun", why, "start with `node FILE`, or add a Dockerfile")
	a.manager = nodeManager{name: "bun", lockfile: a.first("bun.lock", "bun.lockb")}
	p.chooseBun(a)
	d := a.delivery()
	if p.Framework = d.framework; d.framework == "" {
		p.Framework = a.pkg.firstOf("elysia", "hono")
	}
	if d.site != nil || d.copies != nil {
		d = delivery{build: d.build}
	}
	start, why := a.startBun(d)
	if start == "" && !a.startGiven() {
		return nil, a.noStart()
	}
	if p.Start = start; start != "" {
		p.decide("start: "+start, why, "scripts.start in package.json, a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	p.BuildEnv = buildEnv(appFolder+"/node_modules/.bin:", a.toolEnv())
	p.Env = runEnv(a.runPaths(), map[string]string{"NODE_ENV": "production"})
	a.planBun(p, d)
	return p, nil
}

// runsOnBun says why a program runs on Bun, or "".
func (a *nodeApp) runsOnBun() string {
	start := a.startScript()
	switch {
	case a.startGiven():
		command := a.options.Run
		if command == "" {
			command = a.procfile.Web()
		}
		if callsBun(command) {
			return "the start command calls bun"
		}
		return ""
	case start != "":
		if callsBun(a.expand(start)) {
			return "scripts." + start + " in " + a.in("package.json") + " calls bun"
		}
		return ""
	case a.first("bun.lock", "bun.lockb", ".bun-version") == "" && a.pkg.Engines["bun"] == "":
		return ""
	case a.entry() != "" && !strings.HasSuffix(string(a.pkg.Module), ".ts"):
		return ""
	}
	if d := a.delivery(); d.site != nil || d.start != "" {
		return ""
	}
	if entry := a.bunEntry(); entry != "" {
		return "there is Bun's lockfile, and " + entry + " is TypeScript, which Bun runs as it is"
	}
	return ""
}

func callsBun(command string) bool {
	return slices.ContainsFunc(commandPrograms(command), func(p string) bool { return p == "bun" || p == "bunx" })
}

// bunEntry is the file that Bun starts where no script says: module in package.json, else one of the usual names.
func (a *nodeApp) bunEntry() string {
	if module := path.Clean(string(a.pkg.Module)); a.pkg.Module != "" && insideSource(module) && a.isFile(a.in(module)) {
		return module
	}
	for _, name := range bunEntries {
		if a.isFile(a.in(name)) {
			return name
		}
	}
	return ""
}

// startBun writes the start script out, as Node.js's are: `bun run index.ts` gets the signals itself.
func (a *nodeApp) startBun(d delivery) (command, why string) {
	if a.startScript() == "" && d.start == "" {
		if entry := a.bunEntry(); entry != "" {
			return lastReplacesShell(inDir(a.dir, "bun run "+shellQuote(entry))), entry + " is there, and no script starts the app"
		}
	}
	return a.start(d)
}

// chooseBun takes the version of .bun-version, engines, packageManager, .tool-versions or mise.toml; each released version
// has images.
func (p *Plan) chooseBun(a *nodeApp) {
	const override = "add a .bun-version"
	name, version := splitPackageManager(string(a.root.PackageManager))
	p.Version = Version{Wanted: versionLine(a.text(".bun-version")), Source: ".bun-version"}
	if v := a.pkg.Engines["bun"]; p.Version.Wanted == "" && v != "" {
		p.Version = Version{Wanted: v, Source: "package.json engines.bun"}
	}
	if p.Version.Wanted == "" && name == "bun" && version != "" {
		p.Version = Version{Wanted: version, Source: "package.json packageManager"}
	}
	if v := a.toolVersion("bun"); p.Version.Wanted == "" && v.Source != "" {
		p.Version = v
	}
	exact := strings.TrimPrefix(p.Version.Wanted, "v")
	switch {
	case p.Version.Wanted == "":
		p.Version = Version{Resolved: "1", Source: "default"}
		p.decide("Bun 1", "nothing asks for a version; the newest is used", override)
		return
	case strings.Count(exact, ".") == 2 && isPlainVersion(exact):
		p.BuildImage = strings.Replace(bunBuildImage, ":1", ":"+exact, 1)
		p.RunImage = strings.Replace(bunRunImage, ":1", ":"+exact, 1)
		p.Version.Resolved = exact
	default:
		p.Version.Resolved = "1"
	}
	p.decide("Bun "+p.Version.Resolved, p.Version.Source+" says "+p.Version.Wanted, override)
}

// bunFilter keeps bun install to what a member of a workspace, and the members that it depends on, need; "" where the app
// may need more: packages of the root, or of a member that it names without depending on it.
func (a *nodeApp) bunFilter() string {
	others, needed := a.others(), a.neededMembers()
	if len(others) == 0 || a.pkg.Name == "" || len(a.root.Dependencies)+len(a.root.Optional) > 0 {
		return ""
	}
	for _, m := range a.members {
		if !slices.Contains(others, m.dir) && !slices.Contains(needed, m.dir) {
			return ""
		}
	}
	return " --filter " + shellQuote(string(a.pkg.Name))
}

// planBun installs, builds, and leaves the development dependencies out.
func (a *nodeApp) planBun(p *Plan, d delivery) {
	command, _ := a.buildCommand(d)
	if command == "" && a.devAtRunTime(p.Start) == "" && !a.hasLifecycle() {
		a.installStep(p, "install dependencies", a.manager.installProduction()+a.bunFilter())
	} else {
		a.installStep(p, "install dependencies", a.manager.install())
		a.buildStep(p, d)
		if a.hasDevDependencies() && a.devAtRunTime(p.Start) == "" {
			p.Steps = append(p.Steps, Step{Name: "remove development dependencies", Command: a.manager.prune(), Caches: []string{bunCache}})
		}
	}
	for i := range p.Steps {
		if p.Steps[i].Caches != nil {
			p.Steps[i].Caches = []string{bunCache}
		}
		if strings.HasPrefix(p.Steps[i].Command, "bun install") {
			p.Steps[i].Command += "\nmkdir -p node_modules" // without dependencies Bun makes none
		}
	}
	if a.hasDependencies() {
		p.Copy = append(p.Copy, Copy{From: appFolder + "/node_modules", To: appFolder + "/node_modules"})
	}
	p.Copy = append(p.Copy, Copy{From: appFolder, To: appFolder, Exclude: []string{".git", "node_modules"}})
	a.listenHint(p, a.in("."), ".ts", ".js", ".tsx")
}
