package zerops

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Image is a base image by its official name, and the one that takes its place where it cannot be had.
type Image struct {
	Name    string `json:"name"`
	Instead string `json:"instead,omitempty"`
}

// family is a base technology: which official images it stands for. %s is the version. An empty image means that
// there is none of this kind.
type family struct {
	name    string
	latest  string            // what no version and "latest" mean
	aliases map[string]string // other versions that stand for one
	alpine  string
	build   string   // Debian's, for builds
	run     string   // Debian's, to run in
	spare   string   // for builds, where the one for them cannot be had
	caches  []string // folders of package managers outside of the source, which are kept whatever build.cache says
	bare    string   // a command: a run image needs the toolchain only where it is called
	runOnly bool
	inBuild string // the family that a base of this one means for a build
	builtIn bool   // it starts by itself: run.start may be missing
}

const (
	debianImage = "docker.io/library/debian:bookworm-slim"
	alpineImage = "docker.io/library/alpine:3.22"
	nginxImage  = "docker.io/library/nginx:1-bookworm"
)

// families are the bases on offer, as zerops.yml calls them.
func families() []family {
	return []family{
		official("nodejs", "node", "24", "/root/.npm", "/root/.cache", "/usr/local/share/.cache"),
		{name: "go", latest: "1.26", aliases: map[string]string{"1": "1.26"}, alpine: "docker.io/library/golang:%s-alpine",
			build: "docker.io/library/golang:%s-bookworm", run: "docker.io/library/golang:%s-bookworm", bare: "go",
			caches: []string{"/root/.cache/go-build", "/go/pkg/mod"}},
		official("python", "python", "3.14", "/root/.cache"),
		{name: "php", latest: "8.5", alpine: "docker.io/library/php:%s-cli-alpine", build: "docker.io/library/php:%s-cli-bookworm",
			run: "docker.io/library/php:%s-cli-bookworm", spare: "docker.io/library/php:%s-apache-bookworm", caches: []string{"/root/.cache", "/root/.composer"}},
		{name: "php-apache", latest: "8.5", run: "docker.io/library/php:%s-apache-bookworm", runOnly: true, inBuild: "php", builtIn: true},
		{name: "php-nginx", latest: "8.5", run: "docker.io/library/php:%s-fpm-bookworm", runOnly: true, inBuild: "php", builtIn: true},
		official("ruby", "ruby", "3.4", "/root/.cache"),
		{name: "rust", latest: "1.86", aliases: map[string]string{"1": "1.86", "stable": "1.86"}, alpine: "docker.io/library/rust:%s-alpine",
			build: "docker.io/library/rust:%s-bookworm", run: "docker.io/library/rust:%s-bookworm", bare: "cargo", caches: []string{"/usr/local/cargo/registry"}},
		{name: "java", latest: "21", alpine: "docker.io/library/eclipse-temurin:%s-jdk-alpine",
			build: "docker.io/library/eclipse-temurin:%s-jdk", run: "docker.io/library/eclipse-temurin:%s-jre", caches: []string{"/root/.m2", "/root/.gradle"}},
		{name: "dotnet", latest: "10", alpine: "mcr.microsoft.com/dotnet/sdk:%s.0-alpine", build: "mcr.microsoft.com/dotnet/sdk:%s.0", run: "mcr.microsoft.com/dotnet/aspnet:%s.0"},
		{name: "elixir", latest: "1.16", aliases: map[string]string{"1": "1.16"}, alpine: "docker.io/library/elixir:%s-alpine",
			build: "docker.io/library/elixir:%s", run: "docker.io/library/elixir:%s-slim"},
		{name: "deno", latest: "2.0.0", aliases: map[string]string{"2": "2.0.0", "1": "1.45.5"}, alpine: "docker.io/denoland/deno:alpine-%s",
			build: "docker.io/denoland/deno:debian-%s", run: "docker.io/denoland/deno:debian-%s"},
		{name: "bun", latest: "1.3", alpine: "docker.io/oven/bun:%s-alpine", build: "docker.io/oven/bun:%s-debian", run: "docker.io/oven/bun:%s-debian"},
		{name: "static", latest: "1.0", run: debianImage, runOnly: true, builtIn: true},
		{name: "nginx", latest: "1.22", run: nginxImage, runOnly: true, builtIn: true},
		{name: "alpine", latest: "3.22", alpine: "docker.io/library/alpine:%s", build: debianImage, run: debianImage},
		{name: "ubuntu", latest: "22.04", build: "docker.io/library/ubuntu:%s", run: "docker.io/library/ubuntu:%s"},
	}
}

// official are the images of a language whose tags follow the common scheme.
func official(name, image, latest string, caches ...string) family {
	image = "docker.io/library/" + image + ":%s"
	slim := "-slim-bookworm"
	if name == "nodejs" {
		slim = "-bookworm-slim"
	}
	return family{name: name, latest: latest, alpine: image + "-alpine", build: image + "-bookworm", run: image + slim, spare: image + slim, caches: caches}
}

// otherNames are names of bases that mean one of families.
var otherNames = map[string]string{"golang": "go"}

func familyNamed(name string) (family, bool) {
	if other := otherNames[name]; other != "" {
		name = other
	}
	all := families()
	i := slices.IndexFunc(all, func(f family) bool { return f.name == name })
	if i < 0 {
		return family{}, false
	}
	return all[i], true
}

func familyNames() []string {
	var names []string
	for _, f := range families() {
		names = append(names, f.name)
	}
	return append(names, "golang")
}

var baseVersion = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,30}$`)

// technology is one base, read.
type technology struct {
	family
	version string
}

// parseBase reads name@version. Its problem is "" where it has none.
func parseBase(written string) (t technology, problem, advice string) {
	name, version, _ := strings.Cut(written, "@")
	f, ok := familyNamed(name)
	if !ok {
		return t, fmt.Sprintf("there is no base %q", shorten(name)), suggest(name, familyNames())
	}
	if version == "" || version == "latest" {
		version = f.latest
	}
	if alias := f.aliases[version]; alias != "" {
		version = alias
	}
	if version, _, _ = strings.Cut(version, "+"); !baseVersion.MatchString(version) {
		return t, fmt.Sprintf("%q is no version", shorten(version)), fmt.Sprintf("write for example %s@%s", f.name, f.latest)
	}
	return technology{family: f, version: version}, "", ""
}

// bases takes one base or a list; single only one.
func (r *reader) bases(into *[]string, single bool) func(*node, string) {
	return func(n *node, path string) {
		if single && n.kind == list {
			r.report(n, path, "", "must be %s, but is %s", kindNames[text], kindNames[list])
			return
		}
		before := len(r.problems)
		var written []string
		r.texts(&written)(n, path)
		for _, w := range written {
			t, problem, advice := parseBase(w)
			if problem == "" && !single && t.runOnly && t.inBuild == "" {
				problem, advice = fmt.Sprintf("%s is for run.base, nothing can be built in it", w), "for files that are there already, leave build.base and buildCommands out"
			}
			if problem != "" {
				r.report(n, path, advice, "%s", problem)
			}
		}
		if len(r.problems) == before {
			*into = append(*into, written...)
		}
	}
}

// image is the base image of a technology for a stage and an operating system. plain says that the run image needs
// none of the technology's own tools.
func (t technology) image(os string, build, plain bool) Image {
	debian := t.run
	if build {
		debian = t.build
	}
	alpine := t.alpine
	if plain {
		alpine, debian = alpineImage, debianImage
	}
	spare := ""
	if build {
		spare = t.spare
	}
	switch {
	case t.name == "ubuntu":
		return Image{Name: t.fill(debian), Instead: debianImage}
	case os == "ubuntu" || alpine == "":
		return Image{Name: t.fill(debian), Instead: t.fill(spare)}
	}
	return Image{Name: t.fill(alpine), Instead: t.fill(cmp.Or(spare, debian))} // as little in it as in the Alpine one
}

func (t technology) fill(pattern string) string {
	if !strings.Contains(pattern, "%s") {
		return pattern
	}
	return fmt.Sprintf(pattern, t.version)
}
