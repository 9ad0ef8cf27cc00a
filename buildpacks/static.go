package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// sitePlaces are where a static site's index.html is looked for.
var sitePlaces = []string{".", "public", "dist", "build", "www", "_site", "docs"}

// notServed are files of a source that are no part of its site.
var notServed = []string{".git", ".github", ".gitignore", ".gitattributes", ".env", ".env.*", "Staticfile",
	"Procfile", "**/node_modules", "package.json", "package-lock.json", "zerops.yml", "zerops.yaml"}

// detectStatic plans a site that needs no build: a Staticfile, or an index.html at the root or in public/.
func detectStatic(j job) (*Plan, error) {
	settings, declared, err := readStaticfile(j.source)
	if err != nil {
		return nil, err
	}
	root := settings.Root
	if root == "" {
		root = siteRoot(j.source)
	}
	if !declared && root != "." && root != "public" && j.holdsPrograms() {
		return nil, nil // docs/ of a repository whose programs are in other folders
	}
	if root == "" && !declared {
		return nil, nil
	}
	if root == "" {
		root = "."
	}
	if !j.isDir(root) && j.options.Build == "" {
		return nil, &IncompleteError{Language: "static", Missing: "its root " + root + " is not there",
			Advice: "correct root in the Staticfile, or commit the folder"}
	}
	p := &Plan{Language: "static"}
	p.decide("static site in "+folderName(root), staticWhy(declared, root), "add a Staticfile with `root: FOLDER`")
	folder := "/" // the source as it is
	if build := j.options.Build; build != "" {
		folder, p.BuildImage, p.BuildEnv = appFolder, debianImage, buildEnv("", nil)
		p.Steps = []Step{{Name: "build", Command: build}}
		p.decide("build: "+build, "--build was given", "")
	}
	if len(settings.Ignored) > 0 {
		p.warn("Staticfile: %s has no effect here", strings.Join(settings.Ignored, ", "))
	}
	p.serve(site{root: path.Join(folder, root), exclude: notServed,
		singlePage: settings.Pushstate, listing: settings.Listing})
	return p, nil
}

func readStaticfile(s source) (settings Staticfile, declared bool, err error) {
	content, ok, err := s.read("Staticfile")
	if err != nil || !ok {
		return Staticfile{}, false, err
	}
	settings, err = ParseStaticfile(content)
	return settings, true, err
}

// holdsPrograms tells whether folders below could be deployed as something other than a site.
func (j job) holdsPrograms() bool {
	return !j.nested && slices.ContainsFunc(j.candidates(), func(c candidate) bool { return c.language != "static" })
}

// siteRoot is the first folder that holds an index.html, or "".
func siteRoot(s source) string {
	for _, dir := range sitePlaces {
		if s.first(path.Join(dir, "index.html"), path.Join(dir, "index.htm")) != "" {
			return dir
		}
	}
	return ""
}

func staticWhy(declared bool, root string) string {
	if declared {
		return "there is a Staticfile"
	}
	return path.Join(root, "index.html") + " is there, and no language was detected"
}

func folderName(dir string) string {
	if dir == "." {
		return "the root of the source"
	}
	return dir + "/"
}
