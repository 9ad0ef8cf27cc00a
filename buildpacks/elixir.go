package buildpacks

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// offeredElixir are the Elixir minors that have images, newest first.
var offeredElixir = []string{"1.19", "1.18", "1.17", "1.16", "1.15", "1.14"}

const defaultElixir = "1.18"

// elixirCaches are kept between builds.
var elixirCaches = []string{"/root/.hex"}

// mixProject is what a plan needs of mix.exs, which is a program: it is read by patterns.
type mixProject struct {
	job
	text     string
	app      string // the application's name
	release  string // the release to build: the first that is declared, else the application
	umbrella bool
	phoenix  bool
}

var (
	mixApp      = regexp.MustCompile(`\bapp:\s*:(\w+)`)
	mixElixir   = regexp.MustCompile(`\belixir:\s*"([^"]+)"`)
	mixReleases = regexp.MustCompile(`\breleases:\s*\[\s*(\w+):|(?s)\bdefp?\s+releases(?:\(\))?\s*do\s*\[\s*(\w+):`)
	mixPhoenix  = regexp.MustCompile(`\{\s*:phoenix\s*,`)
	mixComment  = regexp.MustCompile(`(?m)(^|\s)#[^{\n].*$`)
)

// detectElixir plans a mix.exs: fetch and compile dependencies, build the assets of Phoenix, assemble a release, run it.
func detectElixir(j job) (*Plan, error) {
	if !j.isFile("mix.exs") {
		return nil, nil
	}
	m := readMix(j)
	p := &Plan{Language: "elixir", PackageManager: "mix", User: runUser}
	p.decide("Elixir", "there is a mix.exs at the root of the source", "add a Dockerfile")
	if err := p.chooseElixir(m); err != nil {
		return nil, err
	}
	if m.release == "" && !m.runsMix() {
		return nil, &IncompleteError{Language: "Elixir", Missing: "mix.exs is an umbrella's and declares no release",
			Advice: "declare one under releases: in mix.exs (`web: [applications: [my_web: :permanent]]`), or a Procfile with `web: mix phx.server`"}
	}
	p.BuildEnv = buildEnv("", map[string]string{"MIX_ENV": "prod", "LANG": "C.UTF-8", "HEX_HTTP_TIMEOUT": "60"})
	p.Env = runEnv("", map[string]string{"MIX_ENV": "prod", "LANG": "C.UTF-8"})
	m.steps(p)
	m.run(p)
	return p, nil
}

func readMix(j job) mixProject {
	m := mixProject{job: j, text: mixComment.ReplaceAllString(j.text("mix.exs"), "")}
	if found := mixApp.FindStringSubmatch(m.text); found != nil {
		m.app = found[1]
	}
	m.umbrella = strings.Contains(m.text, "apps_path:")
	m.phoenix = mixPhoenix.MatchString(m.text)
	for _, app := range j.list("apps") {
		m.phoenix = m.phoenix || m.umbrella && mixPhoenix.MatchString(j.text(path.Join("apps", app, "mix.exs")))
	}
	m.release = m.app
	if found := mixReleases.FindStringSubmatch(m.text); found != nil {
		m.release = found[1] + found[2]
	} else if m.umbrella {
		m.release = ""
	}
	return m
}

// elixirVersion finds the wanted version: .tool-versions and mise.toml, elixir_buildpack.config, mix.exs.
func elixirVersion(m mixProject) Version {
	if v := m.toolVersion("elixir"); v.Source != "" {
		return v
	}
	if v := propertyLine(m.job.text("elixir_buildpack.config"), "elixir_version"); v != "" {
		return Version{Wanted: v, Source: "elixir_buildpack.config"}
	}
	if found := mixElixir.FindStringSubmatch(m.text); found != nil {
		return Version{Wanted: found[1], Source: "mix.exs elixir"}
	}
	return Version{}
}

// chooseElixir sets the version and the images; an Erlang that is pinned beside it is kept to.
func (p *Plan) chooseElixir(m mixProject) error {
	const override = "set elixir in .tool-versions"
	p.Version = elixirVersion(m)
	why := "nothing asks for a version; this is the default"
	if p.Version.Source == "" {
		p.Version = Version{Resolved: defaultElixir, Source: "default"}
	} else {
		p.Version.Resolved = resolveElixir(p.Version.Wanted)
		why = p.Version.Source + " says " + p.Version.Wanted
	}
	if p.Version.Resolved == "" {
		return &VersionError{Language: "Elixir", Wanted: p.Version.Wanted, Source: p.Version.Source, Offered: offeredElixir}
	}
	tag := p.Version.Resolved
	erlang := m.toolVersion("erlang")
	if major, _, _ := strings.Cut(erlang.Wanted, "."); isPlainVersion(major) {
		tag += "-otp-" + major
		why += "; Erlang/OTP " + major + " from " + erlang.Source
	}
	p.BuildImage = "docker.io/library/elixir:" + tag
	p.RunImage = "docker.io/library/elixir:" + tag + "-slim"
	p.decide("Elixir "+tag, why, override)
	return nil
}

// resolveElixir is the newest offered minor that satisfies a requirement as mix.exs writes it, or a version with its
// OTP as asdf does; "" where none does.
func resolveElixir(wanted string) string {
	wanted, _, _ = strings.Cut(strings.TrimSpace(wanted), "-otp-")
	if _, err := semver.StrictNewVersion(wanted); err == nil {
		wanted = "~> " + wanted // an exact version: its minor
	}
	constraint, err := semver.NewConstraint(elixirRequirement(wanted))
	if err != nil {
		return ""
	}
	for _, minor := range offeredElixir {
		if constraint.Check(semver.MustParse(minor+".999")) || constraint.Check(semver.MustParse(minor+".0")) {
			return minor
		}
	}
	for _, minor := range offeredElixir { // exact releases: == 1.17.1
		for _, named := range plainVersion.FindAllString(wanted, -1) {
			if v, err := semver.NewVersion(named); err == nil && strings.HasPrefix(named, minor+".") && constraint.Check(v) {
				return minor
			}
		}
	}
	return ""
}

var elixirTilde = regexp.MustCompile(`~>\s*([0-9]+)\.([0-9]+)(\.[0-9]+)?[\w.-]*`)

// elixirRequirement writes a requirement in the words of semver: `~> 1.15` is ^1.15, `~> 1.15.3` is ~1.15.3.
func elixirRequirement(wanted string) string {
	wanted = elixirTilde.ReplaceAllStringFunc(wanted, func(part string) string {
		m := elixirTilde.FindStringSubmatch(part)
		return choose(m[3] == "", "^", "~") + m[1] + "." + m[2] + m[3]
	})
	return strings.NewReplacer(" and ", ", ", " or ", " || ", "==", "=").Replace(wanted)
}

// steps: hex, dependencies with their manifests alone, assets, release. Compiling comes before the assets, which may
// read what it generates.
func (m mixProject) steps(p *Plan) {
	manifests := m.present("mix.exs", "mix.lock", "config/config.exs", "config/prod.exs")
	for _, app := range m.list("apps") {
		manifests = append(manifests, m.present(path.Join("apps", app, "mix.exs"))...)
	}
	p.Steps = []Step{
		{Name: "install hex and rebar", Command: "mix local.hex --force\nmix local.rebar --force", Inputs: []string{"mix.exs"}},
		{Name: "install dependencies", Command: "mix deps.get --only prod\nmix deps.compile", Inputs: manifests, Caches: elixirCaches},
	}
	if m.isFile("assets/package.json") {
		p.nodeForAssets("assets", m.isFile("assets/package-lock.json"))
		if pkg, err := parsePackageJSON("assets/package.json", []byte(m.job.text("assets/package.json"))); err == nil {
			p.BuildEnv = mergeEnv(p.BuildEnv, p.oldHashes(pkg))
		}
	}
	if build := m.options.Build; build != "" {
		p.decide("build: "+build, "--build was given", "")
		p.Steps = append(p.Steps, Step{Name: "build", Command: build})
		return
	}
	build := "mix compile"
	for _, dir := range m.assetFolders() {
		build += "\n" + choose(dir == ".", "mix assets.deploy", "(cd "+shellQuote(dir)+" && mix assets.deploy)")
		p.decide("assets: mix assets.deploy", path.Join(dir, "mix.exs")+" has the alias", "change the alias")
	}
	if m.deploysWithScript() {
		build += "\nnpm --prefix assets run deploy\nmix phx.digest"
		p.decide("assets: npm run deploy, mix phx.digest", "scripts.deploy in assets/package.json, as Phoenix up to 1.5 writes it", "add an alias assets.deploy to mix.exs")
	}
	if m.runsMix() {
		p.Steps = append(p.Steps, Step{Name: "compile", Command: build})
		return
	}
	build += "\nmix release " + m.release + " --overwrite --path " + jvmFolder
	p.decide("build: mix release "+m.release, "a release holds the program, its dependencies and Erlang", "--build 'CMD'")
	p.Steps = append(p.Steps, Step{Name: "build the release", Command: build})
}

// assetFolders are those of the projects that build assets: the root, or apps of an umbrella.
func (m mixProject) assetFolders() []string {
	var dirs []string
	if strings.Contains(m.text, `"assets.deploy"`) {
		dirs = append(dirs, ".")
	}
	for _, app := range m.list("apps") {
		if dir := path.Join("apps", app); m.umbrella && strings.Contains(m.job.text(path.Join(dir, "mix.exs")), `"assets.deploy"`) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// deploysWithScript tells a Phoenix whose assets are built as its releases up to 1.5 do it.
func (m mixProject) deploysWithScript() bool {
	pkg, err := parsePackageJSON("assets/package.json", []byte(m.job.text("assets/package.json")))
	return err == nil && m.phoenix && len(m.assetFolders()) == 0 && pkg.Scripts["deploy"] != ""
}

// runsMix tells whether the start command that the user gives is one of mix, so that no release is needed.
func (m mixProject) runsMix() bool {
	command := cmp.Or(m.options.Run, m.procfile.Web())
	return slices.ContainsFunc(commandPrograms(command), func(p string) bool { return p == "mix" || p == "elixir" || p == "iex" })
}

// nodeForAssets brings Node.js and installs the packages that assets are built with.
func (p *Plan) nodeForAssets(dir string, locked bool) {
	p.bringNode(defaultNode)
	p.BuildEnv["PATH"] = nodeFolder + "/bin:" + p.BuildEnv["PATH"]
	p.Steps = append(p.Steps,
		Step{Name: "install Node.js packages", Inputs: []string{dir + "/package.json", dir + "/package-lock.json"},
			Command: "npm --prefix " + dir + choose(locked, " ci", " install"), Caches: []string{"/root/.npm"}})
	p.decide("Node.js for assets", "there is a "+dir+"/package.json", "remove it, and build the assets with esbuild and tailwind from mix")
}

// run starts the release, with the web server where it is Phoenix's.
func (m mixProject) run(p *Plan) {
	if m.options.Build != "" || m.runsMix() {
		p.RunImage = p.BuildImage
		p.decide("Elixir in the run image", "what starts the app needs mix, or the build is given", "start the release: `bin/"+m.app+" start`")
		p.Copy = []Copy{{From: appFolder, To: appFolder, Exclude: []string{".git", "assets/node_modules"}}, {From: "/root/.mix", To: appFolder + "/.mix"}}
		return
	}
	p.Copy = []Copy{{From: jvmFolder, To: appFolder}}
	p.Start = "exec bin/" + m.release + " start"
	why := "it is how the release starts"
	if m.isFile("rel/overlays/bin/server") {
		p.Start, why = "exec bin/server", "rel/overlays/bin/server is there"
	}
	p.decide("start: "+p.Start, why, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
	if !m.phoenix {
		m.listenHint(p, "lib", ".ex")
		return
	}
	p.Framework = "phoenix"
	p.Env["PHX_SERVER"] = "true"
	p.decide("framework phoenix", ":phoenix is a dependency", "")
	m.phoenixHints(p)
}

// phoenixVariables are what Phoenix's runtime.exs asks for, and how to set them.
var phoenixVariables = []struct{ name, advice string }{
	{"SECRET_KEY_BASE", "a secret of 64 characters or more, from `mix phx.gen.secret`"},
	{"DATABASE_URL", "ecto://USER:PASS@HOST/DATABASE"},
	{"PHX_HOST", "the name that the app is reached by"},
}

func (m mixProject) phoenixHints(p *Plan) {
	runtime := m.job.text("config/runtime.exs")
	for _, v := range phoenixVariables {
		if strings.Contains(runtime, `"`+v.name+`"`) {
			p.warn("config/runtime.exs reads %s: set it on the service (%s)", v.name, v.advice)
		}
	}
	if m.isFile("rel/overlays/bin/migrate") && m.procfile.Commands["release"] == "" {
		p.decide("no migrations before the rollout", "no release command is given", "add a Procfile with `release: bin/migrate`")
	}
	if !strings.Contains(runtime, `"PORT"`) && runtime != "" && !slices.ContainsFunc([]string{"config/prod.exs", "config/releases.exs"}, func(f string) bool {
		return strings.Contains(m.job.text(f), `"PORT"`)
	}) {
		p.warn("nothing in config/ reads PORT: the endpoint should listen on `port: String.to_integer(System.get_env(\"PORT\") || \"4000\")`")
	}
}
