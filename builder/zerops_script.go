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

// restoreScript brings cached files back where the source has none of the same name.
const restoreScript = `if [ -d ` + zerops.CacheFolder + `/files ]; then
  cp -an ` + zerops.CacheFolder + `/files/. ` + zerops.SourceFolder + `/ || echo "not everything was restored: the source has files of the same names, and wins"
  cd ` + zerops.CacheFolder + `/files && echo "restored: $(ls -A | tr '\n' ' ')"
else
  echo "there is nothing in the cache yet"
fi`

// keepScript puts what build.cache names in the place of what was cached before, all or nothing.
func keepScript(c zerops.Cache) string {
	patterns := "."
	if !c.All {
		var globs []string
		for _, p := range c.Paths {
			globs = append(globs, shellGlob(p))
		}
		patterns = strings.Join(globs, " ")
	}
	return `next=` + zerops.CacheFolder + `/next
rm -rf "$next"
mkdir "$next"
for name in ` + patterns + `; do
  if [ -e "$name" ] || [ -L "$name" ]; then
    mkdir -p "$next/$(dirname "$name")"
    cp -a "$name" "$next/$(dirname "$name")/"
  else
    echo "not kept: there is no $name"
  fi
done
rm -rf ` + zerops.CacheFolder + `/files
mv "$next" ` + zerops.CacheFolder + `/files`
}

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
