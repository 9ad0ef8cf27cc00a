package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// others are the folders of the workspace's members that the app to deploy does without: those that neither it nor what
// it depends on names. They stay out of the run image.
func (a *nodeApp) others() []string {
	if a.dir == "." || a.nx != nil {
		return nil
	}
	needed := a.neededMembers()
	var dirs []string
	for _, m := range a.members {
		within := func(dir string) bool { return dir == m.dir || strings.HasPrefix(dir, m.dir+"/") }
		if !slices.ContainsFunc(needed, within) && !a.opens(m.dir) {
			dirs = append(dirs, m.dir)
		}
	}
	return dirs
}

// neededMembers are the folders of the app and of the members that it and the root depend on, in whatever way: package
// managers ask for those of development as well, though they leave them out.
func (a *nodeApp) neededMembers() []string {
	needed := []string{a.dir}
	for queue := []packageJSON{a.pkg, a.root}; len(queue) > 0; queue = queue[1:] {
		for _, m := range a.members {
			if name := string(m.pkg.Name); name != "" && queue[0].needs(name) && !slices.Contains(needed, m.dir) {
				needed, queue = append(needed, m.dir), append(queue, m.pkg)
			}
		}
	}
	return needed
}

// opens tells whether the app's code or a command names the folder of another member, which it does not depend on: a server
// may serve what a member beside it is built to.
func (a *nodeApp) opens(dir string) bool {
	base := path.Base(dir)
	words := []string{"../" + base, `"` + base + `"`, "'" + base + "'", "`" + base, dir + "/"}
	named := func(text string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
	}
	if slices.ContainsFunc(a.commands(), named) {
		return true
	}
	found, files := false, 0
	sources := func(dir string) bool { return path.Base(dir) != "node_modules" }
	a.walk(a.dir, sources, func(name string) bool {
		if slices.Contains([]string{".js", ".ts", ".mjs", ".cjs", ".mts", ".tsx", ".jsx"}, path.Ext(name)) {
			found = named(a.text(name))
			files++
		}
		return !found && files < maxListenFiles
	})
	return found
}

// pruneStep removes what the app does without at run time: development dependencies, and other members with what only
// they depend on.
func (a *nodeApp) pruneStep(p *Plan) {
	step := Step{Name: "remove development dependencies", Command: a.manager.prune(), Caches: a.manager.caches()}
	if others := a.others(); len(others) > 0 {
		step.Name = "remove development dependencies and other members"
		app := string(a.pkg.Name)
		if a.manager.name == "bun" && a.bunFilter() == "" {
			app = ""
		}
		step.Command = a.manager.pruneMembers(app, others)
		p.decide("other members of the workspace stay out of the run image", "nothing that is started depends on "+strings.Join(others, ", "), "add what is needed to the dependencies of "+a.in("package.json"))
	}
	p.Steps = append(p.Steps, step)
}

// pruneMembers removes members of the workspace, and from what is installed all that only they needed. The lockfile knows
// them still, so that it cannot be frozen.
func (m nodeManager) pruneMembers(app string, others []string) string {
	remove := "rm -rf"
	for _, dir := range others {
		remove += " " + shellQuote(dir)
	}
	switch {
	case m.name == "pnpm":
		return remove + "\nCI=true pnpm install --no-frozen-lockfile --prefer-offline --prod --ignore-scripts --config.modules-cache-max-age=0 --store-dir " + pnpmStore
	case m.name == "yarn" && m.berry && app != "":
		return "yarn workspaces focus " + shellQuote(app) + " --production\n" + remove
	case m.name == "yarn" && m.berry:
		return m.prune() + "\n" + remove
	case m.name == "yarn":
		return remove + "\nyarn install --pure-lockfile --non-interactive --production --ignore-scripts --prefer-offline"
	case m.name == "bun" && app != "":
		return remove + "\nrm -rf node_modules && bun install --production --ignore-scripts --filter " + shellQuote(app)
	case m.name == "bun":
		return remove + "\nrm -rf node_modules && bun install --production --ignore-scripts"
	}
	return remove + "\n" + m.prune()
}
