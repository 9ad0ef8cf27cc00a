package buildpacks

import (
	"path"
	"strings"
)

// nodeManager is the package manager of a source and how it is called.
type nodeManager struct {
	name     string // npm, pnpm, yarn, bun
	version  string // to be installed: "9.15.0", "10"; empty for the npm that comes with Node.js
	berry    bool   // yarn 2 and newer
	lockfile string // "" where none is committed
	why      string
}

// managerFolder is where a package manager other than npm is installed, beside those of the image.
const managerFolder = "/opt/package-manager"

// lockfiles are what each package manager leaves, in the order in which they decide.
var lockfiles = []struct{ file, manager string }{
	{"pnpm-lock.yaml", "pnpm"}, {"yarn.lock", "yarn"}, {"bun.lock", "bun"}, {"bun.lockb", "bun"},
	{"package-lock.json", "npm"}, {"npm-shrinkwrap.json", "npm"},
}

// chooseManager decides by lockfile (SPEC section 3); packageManager in package.json decides between several
// lockfiles, or where there is none, and gives the version.
func chooseManager(s source, pkg packageJSON) nodeManager {
	wanted, version := splitPackageManager(string(pkg.PackageManager))
	m := nodeManager{name: "npm", why: "there is no lockfile"}
	for _, l := range lockfiles {
		if !s.isFile(l.file) {
			continue
		}
		if m.lockfile == "" || l.manager == wanted && m.name != wanted {
			m = nodeManager{name: l.manager, lockfile: l.file, why: "there is a " + l.file}
		}
	}
	if wanted != "" && m.lockfile == "" {
		m = nodeManager{name: wanted, why: "packageManager in package.json"}
	}
	if wanted == "" && m.lockfile == "" {
		m = managerBySettings(s, pkg)
	}
	if wanted != m.name {
		version = ""
	}
	m.setVersion(s, version)
	return m
}

// managerBySettings goes by what package managers are set up with, where there is neither a lockfile nor a
// packageManager.
func managerBySettings(s source, pkg packageJSON) nodeManager {
	for _, known := range []struct{ file, manager string }{{"pnpm-workspace.yaml", "pnpm"}, {".pnpmfile.cjs", "pnpm"}, {".yarnrc.yml", "yarn"}, {".yarnrc", "yarn"}, {"bunfig.toml", "bun"}} {
		if s.isFile(known.file) {
			return nodeManager{name: known.manager, why: "there is no lockfile, but a " + known.file}
		}
	}
	for _, name := range []string{"pnpm", "yarn", "bun"} {
		if pkg.Engines[name] != "" && pkg.Engines["npm"] == "" {
			return nodeManager{name: name, why: "there is no lockfile, and package.json engines." + name + " asks for it"}
		}
	}
	return nodeManager{name: "npm", why: "there is no lockfile"}
}

// splitPackageManager reads "pnpm@9.15.0+sha512.abc".
func splitPackageManager(field string) (name, version string) {
	name, version, _ = strings.Cut(field, "@")
	version, _, _ = strings.Cut(version, "+")
	switch name {
	case "npm", "pnpm", "yarn", "bun":
	default:
		return "", ""
	}
	if !isPlainVersion(version) {
		version = ""
	}
	return name, version
}

// isPlainVersion admits what can stand in a command: digits, letters, dots and dashes.
func isPlainVersion(version string) bool {
	for _, r := range version {
		if !(r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return version != "" && version[0] >= '0' && version[0] <= '9'
}

// setVersion takes the version of packageManager, else the one that reads the lockfile.
func (m *nodeManager) setVersion(s source, version string) {
	switch m.name {
	case "pnpm":
		m.version = version
		if version == "" {
			m.version = pnpmFor(s.text("pnpm-lock.yaml"))
		}
	case "yarn":
		lock := s.text("yarn.lock")
		m.version = version
		if version == "" {
			m.version = yarnFor(lock, s.isFile(".yarnrc.yml"))
		}
		m.berry = !strings.HasPrefix(m.version, "1")
	case "bun":
		m.version = version
		if version == "" {
			m.version = "1"
		}
	}
}

// pnpmFor is the pnpm that reads a lockfile: 5.4 is pnpm 7's, 6 is pnpm 8's, 9 is pnpm 9's and 10's.
func pnpmFor(lock string) string {
	for line := range strings.Lines(lock) {
		value, ok := strings.CutPrefix(line, "lockfileVersion:")
		if !ok {
			continue
		}
		switch value = strings.Trim(strings.TrimSpace(value), `'"`); {
		case strings.HasPrefix(value, "5"):
			return "7"
		case strings.HasPrefix(value, "6"):
			return "8"
		}
		break
	}
	return "10"
}

// yarnFor tells yarn 1 from its successors, which write a __metadata entry.
func yarnFor(lock string, rc bool) string {
	if strings.Contains(lock, "__metadata:") || lock == "" && rc {
		return "4"
	}
	return "1"
}

// setup is the command that installs the package manager, "" for npm.
func (m nodeManager) setup() string {
	name := m.name
	switch {
	case name == "npm":
		return ""
	case m.berry:
		name = "@yarnpkg/cli-dist"
	}
	return "npm install --global --no-fund --no-audit --prefix " + managerFolder + " " + name + "@" + m.version
}

// paths go in front of PATH while building.
func (m nodeManager) paths() string {
	if m.name == "npm" {
		return appFolder + "/node_modules/.bin:"
	}
	return managerFolder + "/bin:" + appFolder + "/node_modules/.bin:"
}

// caches are kept between builds.
func (m nodeManager) caches() []string {
	const npm = "/root/.npm"
	switch {
	case m.name == "pnpm":
		return []string{npm, pnpmStore}
	case m.name == "yarn" && m.berry:
		return []string{npm, berryFolder}
	case m.name == "yarn":
		return []string{npm, yarnCache}
	case m.name == "bun":
		return []string{npm, "/root/.bun/install/cache"}
	}
	return []string{npm}
}

const (
	pnpmStore   = "/root/.local/share/pnpm/store"
	yarnCache   = "/root/.cache/yarn"
	berryFolder = "/root/.yarn/berry"
)

// env is what the package manager is told by environment. Yarn lays out node_modules whatever the project's
// linker is, so that the run image needs no yarn.
func (m nodeManager) env() map[string]string {
	env := map[string]string{}
	switch {
	case m.name == "yarn" && m.berry:
		env["YARN_NODE_LINKER"] = "node-modules"
		env["YARN_ENABLE_GLOBAL_CACHE"] = "true"
		env["YARN_GLOBAL_FOLDER"] = berryFolder
		env["YARN_ENABLE_TELEMETRY"] = "0"
	case m.name == "yarn":
		env["YARN_CACHE_FOLDER"] = yarnCache
	case m.name == "npm":
		env["NPM_CONFIG_FUND"] = "false"
		env["NPM_CONFIG_AUDIT"] = "false"
		env["NPM_CONFIG_UPDATE_NOTIFIER"] = "false"
	}
	return env
}

// install is the command that installs every dependency, exactly as locked where there is a lockfile.
func (m nodeManager) install() string {
	locked := m.lockfile != ""
	switch {
	case m.name == "pnpm":
		return choose(locked, "pnpm install --frozen-lockfile", "pnpm install --no-frozen-lockfile") + " --store-dir " + pnpmStore
	case m.name == "yarn" && m.berry:
		return choose(locked, "yarn install --immutable", "yarn install --no-immutable")
	case m.name == "yarn":
		return choose(locked, "yarn install --frozen-lockfile --non-interactive", "yarn install --non-interactive")
	case m.name == "bun":
		return choose(locked, "bun install --frozen-lockfile", "bun install")
	}
	return choose(locked, "npm ci", "npm install")
}

// installProduction leaves the development dependencies out; "" where the manager cannot do so by a flag.
func (m nodeManager) installProduction() string {
	switch {
	case m.name == "pnpm":
		return m.install() + " --prod"
	case m.name == "yarn" && m.berry:
		return ""
	case m.name == "yarn", m.name == "bun":
		return m.install() + " --production"
	}
	return m.install() + " --omit=dev"
}

// prune removes the development dependencies from what is installed.
func (m nodeManager) prune() string {
	switch {
	case m.name == "pnpm":
		// CI keeps pnpm from asking before it removes. It is set nowhere else: there are builds that take
		// warnings for errors under it.
		return "CI=true " + m.installProduction() + " --ignore-scripts"
	case m.name == "yarn" && m.berry:
		return "yarn workspaces focus --all --production"
	case m.name == "yarn":
		return m.installProduction() + " --ignore-scripts --prefer-offline"
	case m.name == "bun":
		return "rm -rf node_modules && " + m.installProduction() + " --ignore-scripts"
	}
	return "npm prune --omit=dev --ignore-scripts"
}

// run is the command that runs a script of the package in dir.
func (m nodeManager) run(dir, script string) string {
	command := m.name + " run " + script
	if dir == "." {
		return command
	}
	return "cd " + shellQuote(dir) + " && " + command
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

// shellQuote makes one shell word of s.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// manifests are what install commands read, those present.
func (m nodeManager) manifests(s source, members []string) []string {
	names := []string{"package.json"}
	for _, l := range lockfiles {
		names = append(names, l.file)
	}
	names = append(names, ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpm-workspace.yaml", "bunfig.toml")
	for _, dir := range members {
		names = append(names, path.Join(dir, "package.json"), path.Join(dir, ".npmrc"))
	}
	found := s.present(names...)
	for _, dir := range []string{".yarn/releases", ".yarn/plugins", ".yarn/patches", "patches", "prisma"} {
		if s.isDir(dir) {
			found = append(found, dir+"/**")
		}
	}
	return found
}
