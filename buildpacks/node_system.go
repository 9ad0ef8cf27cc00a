package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// nativePackage is a package that needs more of Debian than the slim image has.
type nativePackage struct {
	names []string // any of these dependencies
	build []string // Debian packages for building
	run   []string // and for running
}

// compilers are what node-gyp needs.
var compilers = []string{"g++", "make", "python3"}

var nativePackages = []nativePackage{
	{names: []string{"prisma", "@prisma/client"}, build: []string{"openssl"}, run: []string{"openssl"}},
	{names: []string{"puppeteer"}, run: []string{"chromium", "fonts-liberation"}},
	{names: []string{"bcrypt", "better-sqlite3", "sqlite3", "argon2", "node-gyp", "re2", "cpu-features", "bufferutil",
		"utf-8-validate", "node-sass", "isolated-vm", "zeromq"}, build: compilers},
	{names: []string{"pg-native", "libpq"}, build: append([]string{"libpq-dev"}, compilers...), run: []string{"libpq5"}},
	{names: []string{"canvas"}, build: append([]string{"libcairo2-dev", "libpango1.0-dev", "libjpeg-dev", "libgif-dev", "librsvg2-dev", "pkg-config"}, compilers...),
		run: []string{"libcairo2", "libpango-1.0-0", "libpangocairo-1.0-0", "libjpeg62-turbo", "libgif7", "librsvg2-2"}},
}

// systemPackages installs what native dependencies need, in the build image by a first step, in the run image
// by RunPackages.
func (a *nodeApp) systemPackages(p *Plan) {
	var build, run []string
	for _, n := range nativePackages {
		name := a.pkg.firstOf(n.names...)
		if name == "" {
			continue
		}
		build, run = append(build, n.build...), append(run, n.run...)
		p.decide("Debian packages "+strings.Join(sortedSet(append(slices.Clone(n.build), n.run...)), ", "), name+" needs them", "add a Dockerfile")
	}
	p.RunPackages = sortedSet(run)
	if len(build) > 0 {
		p.Steps = append(p.Steps, Step{Name: "install system packages", Inputs: []string{},
			Command: "apt-get update\napt-get install --yes --no-install-recommends " + strings.Join(sortedSet(build), " ") + "\nrm -rf /var/lib/apt/lists/*"})
	}
	if a.pkg.needs("puppeteer") {
		p.Env["PUPPETEER_EXECUTABLE_PATH"] = "/usr/bin/chromium"
	}
	if a.playwright() != "" {
		p.Env["PLAYWRIGHT_BROWSERS_PATH"] = playwrightFolder
	}
}

// playwrightFolder is where Playwright's browser is, in both containers.
const playwrightFolder = "/opt/playwright"

// playwright is the package that drives browsers at run time, or "": one for tests is a development dependency.
func (a *nodeApp) playwright() string {
	for _, name := range []string{"playwright", "playwright-chromium", "@playwright/test"} {
		if a.pkg.Dependencies[name] != "" {
			return name
		}
	}
	return ""
}

// browserStep fetches the browser that the installed Playwright is made for: it takes no other.
func (a *nodeApp) browserStep(p *Plan) {
	name := a.playwright()
	if name == "" {
		return
	}
	p.Steps = append(p.Steps, Step{Name: "install Chromium for Playwright", Command: "PLAYWRIGHT_BROWSERS_PATH=" + playwrightFolder + " npx playwright install chromium"})
	p.Copy = append(p.Copy, Copy{From: playwrightFolder, To: playwrightFolder})
	p.RunPackages = sortedSet(append(p.RunPackages, chromiumLibraries...))
	p.decide("Chromium with its libraries", name+" is a dependency, and takes the browser that it was made for", "add a Dockerfile")
}

// chromiumLibraries are what Playwright's Chromium needs of Debian 12.
var chromiumLibraries = []string{"fonts-liberation", "libasound2", "libatk-bridge2.0-0", "libatk1.0-0", "libatspi2.0-0", "libcairo2", "libcups2", "libdbus-1-3",
	"libdrm2", "libgbm1", "libglib2.0-0", "libnspr4", "libnss3", "libpango-1.0-0", "libx11-6", "libxcb1", "libxcomposite1", "libxdamage1", "libxext6",
	"libxfixes3", "libxkbcommon0", "libxrandr2"}

// toolEnv quiets tools that have no place in a build.
func (a *nodeApp) toolEnv() map[string]string {
	env := map[string]string{}
	if a.root.needs("husky") {
		env["HUSKY"] = "0"
	}
	if a.pkg.needs("puppeteer") {
		env["PUPPETEER_SKIP_DOWNLOAD"] = "true"
	}
	if file := a.validatesEnv(); file != "" {
		env["SKIP_ENV_VALIDATION"] = "1"
	}
	return env
}

// validatesEnv is the module that insists on all variables of the app, those of its run included, unless
// SKIP_ENV_VALIDATION is set (https://create.t3.gg/en/deployment/docker); "" where there is none.
func (a *nodeApp) validatesEnv() string {
	for _, dir := range []string{"src", "."} {
		for _, name := range []string{"env.js", "env.mjs", "env.ts"} {
			if file := a.in(path.Join(dir, name)); strings.Contains(a.text(file), "process.env.SKIP_ENV_VALIDATION") {
				return file
			}
		}
	}
	return ""
}

func sortedSet(names []string) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
