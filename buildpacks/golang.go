package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// Folders that the go command caches in, kept between builds.
const (
	goBuildCache  = "/root/.cache/go-build"
	goModuleCache = "/go/pkg/mod"
	goPath        = "/usr/local/go/bin:/go/bin:"
)

// cgoModules are modules that need a C compiler though they may look like any other.
var cgoModules = []string{"github.com/mattn/go-sqlite3", "github.com/confluentinc/confluent-kafka-go",
	"github.com/confluentinc/confluent-kafka-go/v2", "github.com/marcboeker/go-duckdb", "github.com/marcboeker/go-duckdb/v2",
	"github.com/tidwall/wal/cgo", "gorm.io/driver/sqlite", "github.com/DataDog/zstd", "github.com/chai2010/webp"}

// detectGo plans a Go module or workspace: download modules, build the program, run the binary.
func detectGo(j job) (*Plan, error) {
	w, err := readGoWorkspace(j.source)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, strayGo(j)
	}
	p := &Plan{Language: "go", PackageManager: "go", RunImage: debianImage, User: runUser}
	p.decide("Go", "there is a "+w.file()+" at the root of the source", "add a Dockerfile")
	toolchain, err := p.chooseGo(j, w)
	if err != nil {
		return nil, err
	}
	packages := findGoPackages(j.source, w)
	mains, err := p.chooseGoMains(j, w, packages.mains)
	if err != nil {
		return nil, err
	}
	p.BuildImage = goImage(toolchain.minor)
	p.Env = runEnv(appFolder+"/bin:", nil)
	assets, err := readGoFrontend(j, packages)
	if err != nil {
		return nil, err
	}
	p.BuildEnv = buildEnv(goPath+assets.paths(), mergeEnv(assets.env(), map[string]string{
		"GOPATH": "/go", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": toolchain.mode, "CGO_ENABLED": p.chooseCgo(w, packages)}))
	p.goSteps(j, w, mains, assets)
	p.goCopies(j, packages, assets.excludes())
	j.listenHintOf(p, mainDir(mains), ".", ".go")
	p.privateModules(j, w)
	return p, nil
}

// publicHosts are where modules can be had from without credentials, most of them.
var publicHosts = []string{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gopkg.in", "golang.org", "google.golang.org", "go.uber.org", "k8s.io", "sigs.k8s.io"}

// privateModules warns of modules that come from where the source itself does, a host that is none of the public ones:
// the build has no credentials for it.
func (p *Plan) privateModules(j job, w *goWorkspace) {
	if j.isFile("vendor/modules.txt") {
		return
	}
	for _, m := range w.modules {
		host, _, _ := strings.Cut(m.path, "/")
		if !strings.Contains(host, ".") || slices.Contains(publicHosts, host) {
			continue
		}
		for _, required := range m.requires {
			if strings.HasPrefix(required, host+"/") && !slices.Contains(w.here, required) {
				p.warn("%s may be a private module: commit vendor/ (`go mod vendor`), or set GOPRIVATE=%s and credentials in the settings of the machine that builds", required, host)
				return
			}
		}
	}
}

// mainDir is the folder of the program to start, "" where none was found.
func mainDir(mains []goMain) string {
	if len(mains) == 0 {
		return ""
	}
	return mains[0].dir
}

func (w *goWorkspace) file() string {
	if w.work {
		return "go.work"
	}
	return "go.mod"
}

// strayGo is the error of Go files at the root that belong to no module; nil where there are none.
func strayGo(j job) error {
	if !j.isFile("main.go") {
		return nil
	}
	return &IncompleteError{Language: "Go", Missing: "there is a main.go and no go.mod",
		Advice: "run `go mod init NAME && go mod tidy` and commit go.mod and go.sum"}
}

func (p *Plan) chooseGo(j job, w *goWorkspace) (goToolchain, error) {
	override := "change the go or toolchain line of " + w.file()
	p.Version = w.version
	if p.Version.Source == "" {
		p.Version = j.toolVersion("go", "golang")
	}
	if p.Version.Source == "" {
		p.Version = Version{Resolved: newestGo, Source: "default"}
		p.decide("Go "+newestGo, "go.mod has no go line; this is the newest offered", override)
		return goToolchain{minor: newestGo, mode: "local"}, nil
	}
	toolchain, err := resolveGo(p.Version.Wanted)
	if err != nil {
		return goToolchain{}, &VersionError{Language: "Go", Wanted: p.Version.Wanted, Source: p.Version.Source, Offered: offeredGo()}
	}
	p.Version.Resolved = toolchain.minor
	why := p.Version.Source + " says " + p.Version.Wanted
	if toolchain.note != "" {
		why += "; " + toolchain.note
	}
	p.decide("Go "+toolchain.minor, why, override)
	return toolchain, nil
}

// chooseCgo says whether a C compiler is needed: "0" makes static binaries that run anywhere.
func (p *Plan) chooseCgo(w *goWorkspace, packages goPackages) string {
	if packages.cgo != "" {
		p.decide("with cgo", `import "C" in `+path.Join(packages.cgo, "*.go"), "")
		return "1"
	}
	for _, m := range cgoModules {
		if w.requires(m) {
			p.decide("with cgo", m+" needs a C compiler", "")
			return "1"
		}
	}
	p.decide("without cgo", `nothing imports "C"; the binary is static`, "--build 'CGO_ENABLED=1 go build …'")
	return "0"
}

func (p *Plan) goSteps(j job, w *goWorkspace, mains []goMain, assets *goFrontend) {
	caches := []string{goBuildCache, goModuleCache}
	switch vendored := j.isFile("vendor/modules.txt"); {
	case vendored:
		p.decide("dependencies from vendor/", "there is a vendor/modules.txt", "remove the vendor folder")
	case w.hasRequirements():
		p.Steps = append(p.Steps, Step{Name: "download modules", Command: "go mod download",
			Inputs: w.manifests(j.source), Caches: caches[1:]})
	}
	if build := j.options.Build; build != "" {
		if assets != nil {
			p.bringNode(assets.version.Resolved) // the command may want it
		}
		p.Steps = append(p.Steps, Step{Name: "build", Command: build, Caches: caches})
		p.decide("build: "+build, "--build was given", "")
		return
	}
	assets.plan(p)
	commands := make([]string, len(mains))
	for i, m := range mains {
		commands[i] = "go build -trimpath -ldflags='-s -w' -o bin/" + m.name + " " + m.pattern()
	}
	p.Steps = append(p.Steps, Step{Name: "build " + mainNames(mains), Command: strings.Join(commands, "\n"), Caches: caches})
}

// goCopies takes the binaries, and where the source has more than Go files those too: programs open
// templates, migrations and public files relative to where they run.
func (p *Plan) goCopies(j job, packages goPackages, unneeded []string) {
	p.Copy = []Copy{{From: "/etc/ssl/certs/ca-certificates.crt", To: "/etc/ssl/certs/ca-certificates.crt"}}
	if !packages.assets && j.options.Build == "" {
		p.Copy = append(p.Copy, Copy{From: "/app/bin", To: "/app/bin"})
		return
	}
	p.Copy = append(p.Copy, Copy{From: appFolder, To: appFolder,
		Exclude: append([]string{".git", "**/*.go", "vendor", "**/node_modules"}, unneeded...)})
	p.decide("the source's other files go along", "the program may open them at run time", "embed them with //go:embed")
}

func mainNames(mains []goMain) string {
	names := make([]string, len(mains))
	for i, m := range mains {
		names[i] = m.name
	}
	return strings.Join(names, ", ")
}

// shellWords are the words of a command, roughly: enough to see which programs it names.
func shellWords(command string) []string {
	return strings.FieldsFunc(command, func(r rune) bool {
		return strings.ContainsRune(" \t\n;&|()\"'`", r)
	})
}

// names tells whether a command names a program, bare or below bin/.
func (m goMain) namedBy(command string) bool {
	return slices.ContainsFunc(shellWords(command), func(word string) bool {
		word = strings.TrimPrefix(strings.TrimPrefix(word, "/app/"), "./")
		return strings.TrimPrefix(word, "bin/") == m.name
	})
}
