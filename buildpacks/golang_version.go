package buildpacks

import (
	"fmt"
	goversion "go/version"
	"strconv"
	"strings"
)

// The Go releases whose images are named, as minors of 1.
const (
	oldestGo = "1.21"
	newestGo = "1.26"
)

// goToolchain is how a wanted Go version is met: the image's minor, and what the go command in it may do.
type goToolchain struct {
	minor string // "1.26"
	mode  string // GOTOOLCHAIN: local, or auto where the image may be older than what is asked for
	note  string // why the minor is not the one that was asked for; may be empty
}

// resolveGo picks the image for a version as go.mod writes it ("1.24", "1.24.3", "go1.24.3", "1.25rc1").
// Go is backward compatible, so what is older than oldestGo is built with newestGo; what is newer is fetched
// by the newest go command itself.
func resolveGo(wanted string) (goToolchain, error) {
	v := "go" + strings.TrimPrefix(strings.TrimSpace(wanted), "go")
	v, _, _ = strings.Cut(v, "-") // a toolchain may carry a suffix: go1.21.3-custom
	if !goversion.IsValid(v) {
		return goToolchain{}, fmt.Errorf("%q is not a Go version", shorten(wanted))
	}
	minor := strings.TrimPrefix(goversion.Lang(v), "go")
	switch {
	case goversion.Compare(v, "go"+oldestGo) < 0:
		return goToolchain{newestGo, "local", "Go is backward compatible, and images older than " + oldestGo + " are not kept up"}, nil
	case goversion.Compare("go"+minor, "go"+newestGo) > 0:
		return goToolchain{newestGo, "auto", "the go command fetches the newer toolchain itself"}, nil
	case goversion.Lang(v) == v:
		return goToolchain{minor, "local", ""}, nil
	default:
		return goToolchain{minor, "auto", ""}, nil
	}
}

// offeredGo lists the minors that have images, newest first.
func offeredGo() []string {
	var offered []string
	for n := goMinor(newestGo); n >= goMinor(oldestGo); n-- {
		offered = append(offered, "1."+strconv.Itoa(n))
	}
	return offered
}

func goMinor(version string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(version, "1."))
	if err != nil {
		return 0
	}
	return n
}
