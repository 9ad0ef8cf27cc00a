package builder

import (
	"fmt"
	"strings"

	"csph/buildpacks/zerops"
)

// The scripts run in whatever shell the build's base has: dash, bash or BusyBox.

// sudoScript leaves out what sudo's own options would do.
const sudoScript = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -u|-g|-h|-p|-C|-D|-R|-T|-U) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
exec "$@"
`

// Folders of the steps that move files between a build's container and what is kept of it.
const (
	stagedFolder  = "/csph/source"
	filledFolder  = "/csph/filled"
	changedFolder = "/csph/changed"
)

// stageScript fills the folder that prepareCommands see the source in, with the source alone.
const stageScript = `cd ` + zerops.SourceFolder + `
rm -rf ..?* .[!.]* *
cp -a ` + stagedFolder + `/. .`

// unstageScript copies the source, with what prepareCommands have made of it, to where it is for buildCommands.
const unstageScript = `mkdir -p ` + zerops.SourceFolder + `
cp -a ` + filledFolder + `/. ` + zerops.SourceFolder + `/`

// restoreScript brings cached files back where the source has none of the same name, and the rest of the container as
// the last build left it. tar replaces files that are being run, cp cannot.
func restoreScript(c zerops.Cache) string {
	const files = zerops.CacheFolder + "/files"
	script := `if [ -d ` + files + ` ]; then
  cp -an ` + files + `/. ` + zerops.SourceFolder + `/ || echo "not everything was restored: the source has files of the same names, and wins"
  cd ` + files + ` && echo "restored: $(ls -A | tr '\n' ' ')"
else
  echo "there is nothing in the cache yet"
fi`
	if c.All {
		script += `
if [ -d ` + zerops.CacheFolder + `/container ]; then
  cd ` + zerops.CacheFolder + `/container
  tar -cf /csph.tar .
  tar -xpf /csph.tar -C /
  rm /csph.tar
  echo "restored outside of the source: $(ls -A | tr '\n' ' ')"
fi`
	}
	return script
}

// keepScript puts what build.cache names in the place of what was cached before, all or nothing.
func keepScript(c zerops.Cache) string {
	if c.All {
		return keepFiles(".") + keepContainer + swapCache
	}
	var globs []string
	for _, p := range c.Paths {
		globs = append(globs, shellGlob(p))
	}
	return keepFiles(strings.Join(globs, " ")) + swapCache
}

func keepFiles(patterns string) string {
	return `next=` + zerops.CacheFolder + `/next
rm -rf "$next"
mkdir -p "$next/files"
for name in ` + patterns + `; do
  if [ -e "$name" ] || [ -L "$name" ]; then
    mkdir -p "$next/files/$(dirname "$name")"
    cp -a "$name" "$next/files/$(dirname "$name")/"
  else
    echo "not kept: there is no $name"
  fi
done
`
}

// keepContainer keeps what a build has changed outside of the source, but for what every container has of its own.
const keepContainer = `mkdir "$next/container"
cd ` + changedFolder + `
for name in ..?* .[!.]* *; do
  case "$name" in build|csph|dev|proc|run|sys|tmp) continue ;; esac
  [ ! -e "$name" ] && [ ! -L "$name" ] || cp -a "$name" "$next/container/"
done
cd "$next/container"
rm -f etc/hosts etc/hostname etc/resolv.conf
`

const swapCache = `for name in files container; do
  rm -rf ` + zerops.CacheFolder + `/$name
  [ ! -d "$next/$name" ] || mv "$next/$name" ` + zerops.CacheFolder + `/$name
done
rmdir "$next"`

// checkScript fails where a selection matches nothing, and says what is there.
func checkScript(all []zerops.Selection) string {
	var b strings.Builder
	b.WriteString("missing() { echo \"$1: there is nothing of this name in " + zerops.SourceFolder +
		" after the build; it has: $(ls -A | tr '\\n' ' ')\" >&2; exit 1; }\n")
	for _, s := range all {
		if s.Pattern() == "." {
			continue
		}
		fmt.Fprintf(&b, "set -- %s\n[ -e \"$1\" ] || [ -L \"$1\" ] || missing %s\n", shellGlob(s.Pattern()), shellQuote(s.As))
	}
	return b.String()
}

// shellGlob writes a pattern of path.Match for a shell: wildcards stay, everything else is quoted.
func shellGlob(pattern string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(shellQuote(pattern[i : i+1]))
		case c == '[' && !class:
			class = true
			b.WriteByte(c)
			if i+1 < len(pattern) && pattern[i+1] == '^' {
				i++
				b.WriteByte('!')
			}
		case c == ']' && class:
			class = false
			b.WriteByte(c)
		case c == '*' || c == '?' || class && c == '-' || plain(c):
			b.WriteByte(c)
		default:
			b.WriteString(shellQuote(pattern[i : i+1]))
		}
	}
	if strings.HasPrefix(pattern, "-") {
		return "./" + b.String()
	}
	return b.String()
}

// plain reports whether a byte means itself to every shell. Bytes above ASCII do.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/._-,:@%+", c) >= 0 || c >= 0x80
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// workFolder is where the processes of an image begin.
func workFolder(z *zerops.Plan) string {
	if z != nil {
		return zerops.DeployFolder
	}
	return workDir
}
