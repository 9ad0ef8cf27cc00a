package buildpacks

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// entryFiles are looked for in this order where nothing says what to start.
var entryFiles = []string{"server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "app.mjs", "main.mjs",
	"server.cjs", "index.cjs", "src/server.js", "src/index.js", "src/app.js", "src/main.js", "src/index.mjs"}

// productionScripts are scripts that start an app for production where start is for development.
var productionScripts = []string{"start:prod", "start:production", "serve:prod", "production", "prod", "serve"}

// start finds the start command and says where it is from; "" where nothing tells.
func (a *nodeApp) start(d delivery) (command, why string) {
	if script := a.startScript(); script != "" && (d.start == "" || !d.startFirst) {
		_, command = a.parted(script)
		why = "scripts." + script + " in " + a.in("package.json")
	} else if d.start != "" {
		command, why = d.start, "this is how "+d.framework+" starts"
	} else if entry := a.entry(); entry != "" {
		command, why = "node "+shellQuote(entry), a.entryWhy(entry)
	} else if a.pkg.Scripts["start"] != "" {
		command, why = a.expand("start"), "scripts.start in "+a.in("package.json")+", though it is made for development"
	}
	command = strings.TrimPrefix(command, "NODE_ENV=production ") // the run image sets it
	return lastReplacesShell(inDir(a.dir, command)), why
}

// startScript is the script that starts the app for production, or "".
func (a *nodeApp) startScript() string {
	start := ""
	if a.pkg.Scripts["start"] != "" && !isDevServer(a.expand("start")) {
		if start = "start"; !a.compilesAtStart("start") {
			return start
		}
	}
	for _, name := range productionScripts {
		if a.pkg.Scripts[name] != "" && !isDevServer(a.expand(name)) && (start == "" || !a.compilesAtStart(name)) {
			return name
		}
	}
	return start
}

// compilesAtStart tells a script that runs sources through a compiler which is a development dependency.
func (a *nodeApp) compilesAtStart(script string) bool {
	for _, program := range commandPrograms(a.expand(script)) {
		if slices.Contains([]string{"ts-node", "tsx", "babel-node", "swc-node", "esno"}, program) && a.devPackage(program) != "" {
			return true
		}
	}
	return false
}

// entry is the file to start: main where it is there or will be built, else one of the usual names.
func (a *nodeApp) entry() string {
	if main := string(a.pkg.Main); main != "" && insideSource(path.Clean(main)) {
		main = path.Clean(main)
		if found := a.first(a.in(main), a.in(main+".js"), a.in(path.Join(main, "index.js"))); found != "" {
			return strings.TrimPrefix(found, a.in("")+"/")
		}
		if a.pkg.Scripts["build"] != "" && strings.Contains(main, "/") {
			return main
		}
	}
	for _, name := range entryFiles {
		if a.isFile(a.in(name)) {
			return name
		}
	}
	return ""
}

func (a *nodeApp) entryWhy(entry string) string {
	if path.Clean(string(a.pkg.Main)) == entry {
		return "main in " + a.in("package.json")
	}
	return entry + " is there, and no script starts the app"
}

// scriptDepth bounds how far scripts that call scripts are followed.
const scriptDepth = 5

// expand writes a script out, so that the program itself and no package manager is what gets signals. Scripts
// that read npm's own variables are left to npm.
func (a *nodeApp) expand(name string) string {
	body := a.pkg.Scripts[name]
	for range scriptDepth {
		called := calledScript(body)
		if called == "" || a.pkg.Scripts[called] == "" || called == name {
			break
		}
		name, body = called, a.pkg.Scripts[called]
	}
	if strings.Contains(body, "npm_package_") || strings.Contains(body, "npm_config_") || strings.Contains(body, "npm_lifecycle_") {
		return "npm run " + name
	}
	body = strings.TrimSpace(strings.ReplaceAll(" "+body, " cross-env ", " "))
	if pre := a.pkg.Scripts["pre"+name]; pre != "" && !strings.Contains(pre, "build") {
		return pre + " && " + body
	}
	return body
}

// parted is a start script in two: the commands that build, which it begins with, and the rest. What only builds is
// done once, when the image is built.
func (a *nodeApp) parted(script string) (build []string, start string) {
	rest := a.expand(script)
	for {
		first, after, more := strings.Cut(rest, "&&")
		first, after = strings.TrimSpace(first), strings.TrimSpace(after)
		if !more || !builds(first) {
			return build, rest
		}
		build, rest = append(build, first), after
	}
}

// builds tells a command that compiles, bundles or clears away for that, and does no more: whether what it leaves is
// there already, or made at the start, is the same.
func builds(command string) bool {
	if script := calledScript(command); script != "" {
		return buildScript.MatchString(script)
	}
	name := strings.Join(programWords(command), " ")
	for _, program := range []string{"tsc", "tsup", "esbuild", "swc", "babel", "rimraf", "rm -rf dist", "rm -rf build", "webpack", "rollup",
		"next build", "nuxt build", "vite build", "remix build", "nest build", "prisma generate"} {
		if name == program || strings.HasPrefix(name, program+" ") {
			return !strings.Contains(command, "--watch") && !strings.HasSuffix(command, " -w")
		}
	}
	return false
}

// buildScript finds the names that scripts which build have.
var buildScript = regexp.MustCompile(`^(?:pre)?(?:build|compile|bundle|clean)(?:$|[:_-])`)

// buildOfStart is what the start script would build each time, "" where there is a build script for it.
func (a *nodeApp) buildOfStart() string {
	if a.pkg.Scripts["build"] != "" || a.startScript() == "" {
		return ""
	}
	build, _ := a.parted(a.startScript())
	return strings.Join(build, " && ")
}

// calledScript is the script that a command does nothing but call, or "".
func calledScript(command string) string {
	words := strings.Fields(command)
	if len(words) < 2 || !slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, words[0]) {
		return ""
	}
	words = words[1:]
	if words[0] == "run" || words[0] == "run-script" {
		words = words[1:]
	}
	if len(words) != 1 || strings.HasPrefix(words[0], "-") {
		return ""
	}
	return words[0]
}

// devServers are commands, by their first words, that serve while developing or only show what was built.
var devServers = []string{"vite", "react-scripts start", "ng serve", "ng", "vue-cli-service serve", "webpack serve", "webpack-dev-server",
	"webpack", "parcel", "gatsby develop", "gatsby serve", "astro dev", "astro preview", "next dev", "nuxt dev", "nuxi dev", "nuxt preview", "nuxi preview",
	"remix dev", "remix vite:dev", "react-router dev", "nodemon", "ts-node-dev", "tsnd", "nest start", "tsx watch", "node --watch",
	"docusaurus start", "docusaurus serve", "eleventy --serve", "live-server", "vinxi dev", "svelte-kit dev", "serve", "http-server",
	"vitepress dev", "expo start", "vitepress preview", "bun --watch", "bun --hot", "rsbuild dev", "rsbuild preview", "ember serve", "ember server", "ember s", "slidev", "rspress dev", "rspress preview"}

// isDevServer tells whether a command is for development or for looking at a static site.
func isDevServer(command string) bool {
	for part := range strings.SplitSeq(command, "&&") {
		words := programWords(part)
		line := strings.Join(words, " ") + " "
		if len(words) > 0 && path.Base(words[0]) == "eleventy" && slices.ContainsFunc(words, func(w string) bool { return w == "--serve" || w == "--watch" }) {
			return true
		}
		if slices.ContainsFunc(devServers, func(d string) bool { return strings.HasPrefix(line, d+" ") }) {
			return true
		}
	}
	return false
}
