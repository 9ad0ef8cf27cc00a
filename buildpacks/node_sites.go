package buildpacks

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// pages delivers a site of many pages from dir.
func pages(dir, build string, immutable ...string) func(*nodeApp) delivery {
	return func(a *nodeApp) delivery {
		return delivery{build: build, site: &site{root: a.appPath(dir), immutable: immutable}}
	}
}

// singlePage delivers a single-page app from dir.
func singlePage(dir, build string, immutable ...string) func(*nodeApp) delivery {
	return func(a *nodeApp) delivery {
		return delivery{build: build, caches: []string{"node_modules/.cache"},
			site: &site{root: a.appPath(dir), singlePage: true, immutable: immutable}}
	}
}

// configText is the first of an app's configuration files that is there, without comments.
func (a *nodeApp) configText(stem string) string {
	for _, ext := range []string{".ts", ".mts", ".js", ".mjs", ".cjs", ".cts"} {
		if text := a.text(a.in(stem + ext)); text != "" {
			return comment.ReplaceAllString(text, "")
		}
	}
	return ""
}

// comment finds comments of JavaScript that start a line or follow a space, so that URLs stay.
var comment = regexp.MustCompile(`(?m)(^|\s)//.*$|(?s:/\*.*?\*/)`)

// setting reads `name: "value"` out of a configuration file, or "".
func setting(text, name string) string {
	m := regexp.MustCompile(`\b` + name + `\s*:\s*["'` + "`" + `]([^"'` + "`" + `\n]+)["'` + "`" + `]`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// safeFolder is a folder that a configuration names, or other where it leads out of the app.
func safeFolder(dir, other string) string {
	clean := path.Clean(dir)
	if dir == "" || strings.Contains(dir, "$") || !insideSource(clean) {
		return other
	}
	return clean
}

func deliverVite(a *nodeApp) delivery {
	dir := safeFolder(setting(a.configText("vite.config"), "outDir"), "dist")
	return singlePage(dir, "vite build", "/assets/")(a)
}

// deliverVitePress takes the folder of the pages from the build script: vitepress build docs.
func deliverVitePress(a *nodeApp) delivery {
	words := strings.Fields(a.pkg.Scripts["build"])
	if a.pkg.Scripts["build"] == "" {
		words = strings.Fields(a.pkg.Scripts["docs:build"])
	}
	dir := ""
	if i := slices.Index(words, "build"); i >= 0 && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
		dir = safeFolder(words[i+1], "")
	}
	d := pages(path.Join(dir, ".vitepress/dist"), strings.TrimSpace("vitepress build "+dir), "/assets/")(a)
	return d
}

// eleventyOutput finds the output folder on Eleventy's command line.
var eleventyOutput = regexp.MustCompile(`\beleventy\b.*\s--output[= ](\S+)`)

// deliverEleventy takes the output folder of the build script, or of the configuration.
func deliverEleventy(a *nodeApp) delivery {
	dir := setting(a.configText("eleventy.config")+a.configText(".eleventy"), "output")
	if m := eleventyOutput.FindStringSubmatch(a.pkg.Scripts["build"]); m != nil {
		dir = m[1]
	}
	return pages(safeFolder(dir, "_site"), "eleventy")(a)
}

// angularJSON is what a plan needs of angular.json.
type angularJSON struct {
	DefaultProject string                    `json:"defaultProject"`
	Projects       map[string]angularProject `json:"projects"`
}

type angularProject struct {
	Type      string `json:"projectType"`
	Architect struct {
		Build struct {
			Builder string `json:"builder"`
			Options struct {
				OutputPath json.RawMessage `json:"outputPath"`
				OutputMode string          `json:"outputMode"`
				SSR        json.RawMessage `json:"ssr"`
			} `json:"options"`
		} `json:"build"`
	} `json:"architect"`
}

// deliverAngular reads the output folder out of angular.json. The application builder puts the site below
// browser/ and a server, where there is one, below server/.
func deliverAngular(a *nodeApp) delivery {
	name, project := a.angularProject()
	base, browser := project.output(name)
	d := delivery{build: "ng build", caches: []string{".angular/cache"},
		site: &site{root: a.appPath(path.Join(base, browser)), singlePage: true}}
	if project.rendersOnServer() {
		d.site = nil
		d.start, d.startFirst = "node "+shellQuote(path.Join(base, "server/server.mjs")), true
	}
	return d
}

func (a *nodeApp) angularProject() (string, angularProject) {
	var file angularJSON
	if json.Unmarshal([]byte(a.text(a.in("angular.json"))), &file) != nil {
		return string(a.pkg.Name), angularProject{}
	}
	if p, ok := file.Projects[file.DefaultProject]; ok {
		return file.DefaultProject, p
	}
	names := make([]string, 0, len(file.Projects))
	for name, p := range file.Projects {
		if p.Type != "library" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return string(a.pkg.Name), angularProject{}
	}
	name := slices.Min(names)
	return name, file.Projects[name]
}

// output is the folder that `ng build` writes, and the one below it that holds the site.
func (p angularProject) output(name string) (base, browser string) {
	build := p.Architect.Build
	if !strings.HasSuffix(build.Builder, ":browser") && !strings.HasSuffix(build.Builder, ":browser-esbuild") {
		browser = "browser"
	}
	base = "dist/" + safeFolder(name, "app")
	var plain string
	if json.Unmarshal(build.Options.OutputPath, &plain) == nil {
		return safeFolder(plain, base), browser
	}
	var object struct {
		Base    string  `json:"base"`
		Browser *string `json:"browser"`
	}
	if json.Unmarshal(build.Options.OutputPath, &object) == nil {
		base = safeFolder(object.Base, base)
		if object.Browser != nil {
			browser = safeFolder(*object.Browser, "")
		}
	}
	return base, browser
}

// rendersOnServer tells whether ssr is on: true, or an object with an entry. With outputMode static it is there to render
// pages while building, and leaves no server (https://angular.dev/guide/ssr).
func (p angularProject) rendersOnServer() bool {
	if p.Architect.Build.Options.OutputMode == "static" {
		return false
	}
	ssr := strings.TrimSpace(string(p.Architect.Build.Options.SSR))
	return ssr != "" && ssr != "false" && ssr != "null"
}
