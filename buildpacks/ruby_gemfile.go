package buildpacks

import (
	"regexp"
	"slices"
	"strings"
)

// gems are names of gems.
type gems map[string]bool

func (g gems) has(name string) bool { return g[name] }

func (g gems) firstOf(names ...string) string {
	for _, name := range names {
		if g[name] {
			return name
		}
	}
	return ""
}

// gemfile is what a plan needs of a Gemfile. It is code, and is read as lines: what is usual is understood.
type gemfile struct {
	there bool
	gems  gems   // of production
	ruby  string // what the ruby line asks for: "3.4.1", "~> 3.4"
	local string // why the whole source is needed to install; "" where the Gemfile is enough
}

var (
	gemLine      = regexp.MustCompile(`^\s*gem[\s(]+["']([A-Za-z0-9_.-]+)["'](.*)$`)
	rubyLine     = regexp.MustCompile(`^\s*ruby[\s(]+["']([^"']+)["'](?:\s*,\s*["']([^"']+)["'])?`)
	groupLine    = regexp.MustCompile(`^\s*group[\s(]+(.*?)\)?\s+do\b`)
	blockLine    = regexp.MustCompile(`\bdo\s*(\|[^|]*\|)?\s*$|^\s*(?:if|unless|case)\b`)
	endLine      = regexp.MustCompile(`^\s*end\b`)
	inlineGroup  = regexp.MustCompile(`(?:\bgroups?:|:groups?\s*=>)\s*(\[[^\]]*\]|:\w+|["']\w+["'])`)
	symbol       = regexp.MustCompile(`\w+`)
	localGem     = regexp.MustCompile(`\bpath:|:path\s*=>`)
	gemspecLine  = regexp.MustCompile(`^\s*(gemspec|eval_gemfile|path)\b`)
	lockedGem    = regexp.MustCompile(`^    ([A-Za-z0-9_.-]+) \(([^)]+)\)`)
	lockedRuby   = regexp.MustCompile(`(?m)^RUBY VERSION\n\s+ruby ([0-9.]+)`)
	lockPlatform = regexp.MustCompile(`(?m)^PLATFORMS\n((?:  .+\n?)+)`)
)

func readGemfile(s source) gemfile {
	g := gemfile{there: s.isFile("Gemfile"), gems: gems{}}
	var blocks [][]string // of each open block, the groups that it names
	for line := range strings.Lines(s.text("Gemfile")) {
		line, _, _ = strings.Cut(strings.TrimRight(line, "\r\n"), " #")
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		switch m := groupLine.FindStringSubmatch(line); {
		case m != nil:
			blocks = append(blocks, symbol.FindAllString(m[1], -1))
			continue
		case endLine.MatchString(line):
			blocks = blocks[:max(0, len(blocks)-1)]
			continue
		}
		g.line(line, slices.Concat(blocks...))
		if blockLine.MatchString(line) {
			blocks = append(blocks, nil)
		}
	}
	return g
}

func (g *gemfile) line(line string, groups []string) {
	if m := rubyLine.FindStringSubmatch(line); m != nil {
		g.ruby = strings.TrimSuffix(m[1]+", "+m[2], ", ")
	}
	if m := gemspecLine.FindStringSubmatch(line); m != nil && g.local == "" {
		g.local = "the Gemfile has a " + m[1] + " line"
	}
	m := gemLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	if inline := inlineGroup.FindStringSubmatch(m[2]); inline != nil {
		groups = append(groups, symbol.FindAllString(inline[1], -1)...)
	}
	if localGem.MatchString(m[2]) && g.local == "" {
		g.local = "the gem " + m[1] + " is a folder of the source"
	}
	if len(groups) == 0 || slices.ContainsFunc(groups, func(group string) bool { return group != "development" && group != "test" }) {
		g.gems[m[1]] = true
	}
}

// gemLock is what a plan needs of a Gemfile.lock.
type gemLock struct {
	there     bool
	versions  map[string]string
	fetched   bool // some gems come from a server or a repository, not from folders of the source
	platforms []string
	ruby      string
}

func readGemLock(content string) gemLock {
	content = strings.ReplaceAll(content, "\r\n", "\n")
	l := gemLock{there: strings.TrimSpace(content) != "", versions: map[string]string{}}
	section := ""
	for line := range strings.Lines(content) {
		if !strings.HasPrefix(line, " ") {
			section = strings.TrimSpace(line)
		}
		if m := lockedGem.FindStringSubmatch(line); m != nil {
			l.versions[m[1]] = m[2]
			l.fetched = l.fetched || section == "GEM" || section == "GIT"
		}
	}
	if m := lockPlatform.FindStringSubmatch(content); m != nil {
		l.platforms = strings.Fields(m[1])
	}
	if m := lockedRuby.FindStringSubmatch(content); m != nil {
		l.ruby = m[1]
	}
	return l
}

func (l gemLock) has(name string) bool { return l.versions[name] != "" }

// runsHere tells whether the lockfile lists gems for Linux on x86: by name, or as source of Ruby.
func (l gemLock) runsHere() bool {
	return len(l.platforms) == 0 || slices.ContainsFunc(l.platforms, func(p string) bool {
		return p == "ruby" || strings.HasPrefix(p, "x86_64-linux")
	})
}
