package buildpacks

import (
	"path"
	"regexp"
	"slices"
)

// deliverNext follows `output` of next.config: export is a site, standalone carries its dependencies.
func deliverNext(a *nodeApp) delivery {
	d := delivery{build: "next build", start: "next start", caches: []string{".next/cache"},
		buildEnv: map[string]string{"NEXT_TELEMETRY_DISABLED": "1"},
		env:      map[string]string{"NEXT_TELEMETRY_DISABLED": "1"}}
	config := a.configText("next.config")
	switch setting(config, "output") {
	case "export":
		dir := safeFolder(setting(config, "distDir"), "out")
		d.siteAlways = true
		d.site = &site{root: a.appPath(dir), immutable: []string{"/_next/static/"}}
	case "standalone":
		if !a.tracedFromRoot(config) {
			d.warnings = []string{"output: standalone is not used, since Next.js does not look for what the server needs from the root of the source on, and would miss packages: commit the lockfile there, or let outputFileTracingRoot lead there"}
			return d
		}
		a.deliverStandalone(&d)
	}
	return d
}

// deliverStandalone takes what Next.js has put together, in which every file is where it is below the root of the source, so that
// the server of apps/web is apps/web/server.js. It leaves the static files to others
// (https://nextjs.org/docs/app/api-reference/config/next-config-js/output).
func (a *nodeApp) deliverStandalone(d *delivery) {
	public, from := shellQuote(a.appPath("public")), a.appPath(".next/standalone")
	to := path.Join(from, a.dir)
	d.afterBuild = "mkdir -p " + public + "\ncp -r " + shellQuote(a.appPath(".next/static")) + " " + shellQuote(path.Join(to, ".next")) + "/\ncp -r " + public + " " + shellQuote(to) + "/"
	d.copies = []Copy{{From: from, To: appFolder}}
	d.start, d.startFirst = "node server.js", true
	d.env["HOSTNAME"] = "0.0.0.0"
}

// tracedFromRoot tells whether Next.js looks for what the server needs from the root of the source on: where a setting leads
// from the app's folder, else where the lockfile is.
func (a *nodeApp) tracedFromRoot(config string) bool {
	up := 0
	if a.dir != "." {
		up = depth(a.dir) + 1
	}
	if root := tracingRoot(config); root != "" {
		return len(upwards.FindAllString(root, -1)) == up
	}
	return up == 0 || a.lockedForNext()
}

// lockedForNext tells whether the lockfile by which Next.js finds the root of a workspace is at that of the source.
func (a *nodeApp) lockedForNext() bool {
	own := slices.ContainsFunc(lockfiles, func(l struct{ file, manager string }) bool { return a.isFile(a.in(l.file)) })
	switch a.manager.lockfile {
	case "", "npm-shrinkwrap.json":
		return false
	case "bun.lock": // which the first releases of Next.js 15 do not know
		m := firstMajor.FindStringSubmatch(a.pkg.Dependencies["next"])
		return !own && m != nil && len(m[1]) == 2 && m[1] > "15"
	}
	return !own
}

// tracingRoot is the expression in next.config for the folder to look from, "" where there is none.
func tracingRoot(config string) string {
	for _, setting := range tracingSettings {
		m := setting.FindStringSubmatch(config)
		if m == nil {
			continue
		}
		if name := variable.FindStringSubmatch(m[1]); name != nil {
			if value := regexp.MustCompile(`\b` + name[1] + `\s*=\s*` + expression).FindStringSubmatch(config); value != nil {
				return value[1]
			}
		}
		return m[1]
	}
	return ""
}

// expression is what stands on the rest of a line, or up to the end of the first call in it.
const expression = `([^\n(]+(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?)`

var (
	// tracingSettings say where to look from; the first wins.
	tracingSettings = []*regexp.Regexp{
		regexp.MustCompile(`\boutputFileTracingRoot\s*[:=]\s*` + expression),
		regexp.MustCompile(`\bturbopack\s*:\s*\{[^{}]*?\broot\s*:\s*` + expression),
	}
	variable = regexp.MustCompile(`^(\w+)\s*(?:[,}]|$)`)
	upwards  = regexp.MustCompile(`\.\.["'/` + "`" + `]`)
)
