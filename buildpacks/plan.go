package buildpacks

import (
	"csph/buildpacks/zerops"
	"csph/platform"
)

// Plan is how a source becomes an image: plain data, JSON to people and to golden files.
// The builder turns it into LLB without looking at the source again.
type Plan struct {
	Language       string  `json:"language"`                  // go, node, java, rust, static, dockerfile, …
	Framework      string  `json:"framework,omitempty"`       // next, vite, express, …
	PackageManager string  `json:"package_manager,omitempty"` // npm, pnpm, yarn, bun
	Version        Version `json:"version,omitzero"`          // of the language
	Start          string  `json:"start"`                     // what a web spherelet runs, through /bin/sh -c
	Release        string  `json:"release,omitempty"`         // runs once, after the build and before the rollout
	Port           int     `json:"port,omitempty"`            // only where the source fixes it; 0 otherwise

	// Processes are the Procfile's types and their commands, web and release included.
	Processes map[string]string `json:"processes,omitempty"`

	// Dir is the folder of the source that is built, "" for all of it; the build sees nothing above.
	Dir string `json:"dir,omitempty"`

	// Dockerfile is the path of the Dockerfile to build with; all of the fields below are then empty.
	Dockerfile string `json:"dockerfile,omitempty"`

	BuildImage string            `json:"build_image,omitempty"` // official name with tag, docker.io/library/…
	RunImage   string            `json:"run_image,omitempty"`
	Tools      []Copy            `json:"tools,omitempty"`     // from other images into the build container, before the steps
	Steps      []Step            `json:"steps,omitempty"`     // run in BuildImage, in order, in /app
	Copy       []Copy            `json:"copy,omitempty"`      // from the build container to the run image
	Env        map[string]string `json:"env,omitempty"`       // of the run image
	BuildEnv   map[string]string `json:"build_env,omitempty"` // of the steps
	// Files are written into the run image: absolute path to content.
	Files map[string]string `json:"files,omitempty"`
	// Site is what csph's file server, which the builder adds at SiteServer, serves of the run image. Without a Start
	// it is what a spherelet runs.
	Site *platform.Site `json:"site,omitempty"`
	// RunPackages are Debian packages that the run image needs beyond what its base has; the builder installs
	// them as root, before anything is copied.
	RunPackages []string `json:"run_packages,omitempty"`
	// RunSlim is a script that takes out of the run image what only builds need. The builder runs it as root after
	// RunPackages and, of zerops.yml, run.prepareCommands; what it takes out is in no layer of the image.
	RunSlim string `json:"run_slim,omitempty"`
	// RunSteps install into the run image itself, after the packages and before anything is copied: what compiles nothing,
	// and is not to be copied from the build container. Each sees of the source its Inputs alone; only what is in /app then
	// stays. They run in Steps' environment.
	RunSteps []Step `json:"run_steps,omitempty"`
	// User is the numeric uid the run image runs as. What is copied to /app, or installed there, belongs to it.
	User string `json:"user,omitempty"`

	// Zerops is what zerops.yml says. The builder then follows it instead of Steps, and copies from other images alone.
	Zerops *zerops.Plan `json:"zerops,omitempty"`

	// Decisions explain the plan, one each: what was decided, why, and how to override it.
	Decisions []Decision `json:"decisions"`

	// Warnings are what will probably not do what the user expects, one sentence each.
	Warnings []string `json:"warnings,omitempty"`
}

// Version is a language version and the place it was read from.
type Version struct {
	Wanted   string `json:"wanted,omitempty"` // as the user wrote it: ">=20 <23"
	Resolved string `json:"resolved"`         // "22"
	Source   string `json:"source"`           // "package.json engines.node", "default"
}

// Step is one RUN of the build.
type Step struct {
	Name    string `json:"name"` // as shown in the log: "install dependencies"
	Command string `json:"command"`
	// Inputs are the source files the step sees (globs); nil means the whole source, empty none of it. A step
	// with inputs runs before the rest of the source is there, so that only a change of them makes it run again.
	Inputs []string `json:"inputs,omitzero"`
	Caches []string `json:"caches,omitempty"` // folders kept per service between builds
}

// Copy takes From in the build container, or in Image, to To.
type Copy struct {
	Image   string   `json:"image,omitempty"` // official name with tag; empty for the build container
	From    string   `json:"from"`
	To      string   `json:"to"`
	Exclude []string `json:"exclude,omitempty"`
}

// Decision is one line of a plan's explanation.
type Decision struct {
	What     string `json:"what"`               // "Node.js 22"
	Why      string `json:"why"`                // "engines.node in package.json says >=20"
	Override string `json:"override,omitempty"` // "set engines.node, .nvmrc or .node-version"
}

// Options are what the service overrides.
type Options struct {
	Build   string // replaces the build commands; dependencies are still installed
	Run     string // replaces the start command
	Service string // the service's name: of several programs, the one of this name is meant
	Dir     string // the folder of the source to deploy, with slashes; "" lets the source tell
	Static  bool   // the source is to be served as files, whatever else it could start
	Process string // the process type of the Procfile that is started; "" is web
	Setup   string // the setup of zerops.yml, where it is not the one named like the service
	// Held are versions by language ("Python", "Ruby", "PHP", "Java"): those whose images can be had where it is
	// built. Others are not offered then. A language that is not named is offered as everywhere.
	Held map[string][]string
}
