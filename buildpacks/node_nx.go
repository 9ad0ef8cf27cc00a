package buildpacks

import (
	"encoding/json"
	"path"
	"strings"
)

// nxProject is an application of a source that nx builds and that has one package.json, at its root
// (https://nx.dev/concepts/decisions/overview: an integrated repository).
type nxProject struct {
	Name    string `json:"name"`
	Type    string `json:"projectType"`
	Targets map[string]struct {
		Executor string `json:"executor"`
		Options  struct {
			OutputPath json.RawMessage `json:"outputPath"`
		} `json:"options"`
	} `json:"targets"`
	dir string
	why string
}

// readNx finds the application to deploy; nil where the source is not nx's, or its root says itself what it starts.
func readNx(a *nodeApp) (*nxProject, error) {
	if !a.isFile("nx.json") || a.serves() || a.pkg.Scripts["build"] != "" && a.options.Dir == "" {
		return nil, nil
	}
	projects := nxProjects(a.source)
	for i, p := range projects {
		switch service := a.options.Service; {
		case a.options.Dir != "" && p.dir == a.options.Dir:
			projects[i].why = "--dir names it"
			return &projects[i], nil
		case a.options.Dir == "" && service != "" && (p.Name == service || path.Base(p.dir) == service):
			projects[i].why = "it is named like the service"
			return &projects[i], nil
		}
	}
	if len(projects) == 0 || a.options.Dir != "" {
		return nil, nil
	}
	if len(projects) > 1 {
		dirs := make([]string, len(projects))
		for i, p := range projects {
			dirs[i] = p.dir
		}
		return nil, ambiguousFolders("nx projects", dirs)
	}
	projects[0].why = "it is the only application"
	return &projects[0], nil
}

// nxProjects are the applications, those of end-to-end tests left out.
func nxProjects(s source) []nxProject {
	var found []nxProject
	shallow := func(dir string) bool { return depth(dir) < dotnetDepth && !strings.HasPrefix(path.Base(dir), ".") }
	s.walk(".", shallow, func(name string) bool {
		var p nxProject
		if path.Base(name) != "project.json" || json.Unmarshal([]byte(s.text(name)), &p) != nil {
			return true
		}
		if p.dir = path.Dir(name); p.Name == "" {
			p.Name = path.Base(p.dir)
		}
		if p.Type == "application" && !strings.HasSuffix(p.Name, "-e2e") {
			found = append(found, p)
		}
		return len(found) < maxMembers
	})
	return found
}

// output is the folder that the project's build writes.
func (n *nxProject) output(a *nodeApp) string {
	var plain string
	if json.Unmarshal(n.Targets["build"].Options.OutputPath, &plain) == nil && plain != "" {
		return safeFolder(strings.TrimPrefix(plain, "{workspaceRoot}/"), "dist/"+n.dir)
	}
	for _, ext := range []string{".ts", ".mts", ".js", ".mjs"} {
		if out := setting(a.text(path.Join(n.dir, "vite.config"+ext)), "outDir"); out != "" {
			return safeFolder(path.Join(n.dir, out), "dist/"+n.dir)
		}
	}
	return "dist/" + n.dir
}

// delivery goes by what the project's folder holds: Next.js, a page, or a server.
func (n *nxProject) delivery(a *nodeApp) delivery {
	out := n.output(a)
	d := delivery{build: "nx build " + shellQuote(n.Name), caches: []string{".nx/cache"}, buildEnv: map[string]string{"NX_DAEMON": "false"}}
	switch {
	case a.first(path.Join(n.dir, "next.config.js"), path.Join(n.dir, "next.config.mjs"), path.Join(n.dir, "next.config.ts")) != "":
		d.framework, d.why = "next", "there is a next.config in "+n.dir
		folder := n.dir
		if n.Targets["build"].Executor != "" {
			folder = out
		}
		d.start = inDir(folder, "next start")
	case strings.Contains(n.Targets["build"].Executor, "angular"):
		d.framework, d.why = "angular", "the build target's executor is Angular's"
		d.site = &site{root: path.Join(appFolder, out, "browser"), singlePage: true}
	case a.first(path.Join(n.dir, "index.html"), path.Join(n.dir, "src/index.html")) != "":
		d.framework, d.why = "vite", "there is an index.html in "+n.dir
		d.site = &site{root: path.Join(appFolder, out), singlePage: true, immutable: []string{"/assets/"}}
	default:
		d.framework, d.why = "nx", "the project is a server"
		d.start = "node " + shellQuote(path.Join(out, "main.js"))
	}
	return d
}
