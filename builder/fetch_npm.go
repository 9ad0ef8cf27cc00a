package builder

import (
	"context"
	"fmt"
	goruntime "runtime"
)

// npmBinaries are programs whose builds for this machine are npm packages, by what recipes call them: the
// package for each architecture, and the major version where a name asks for none.
var npmBinaries = map[string]struct {
	packages map[string]string
	major    string
}{
	// Of Bun the build for older processors: what the official images hold.
	"bun":  {map[string]string{"amd64": "@oven/bun-linux-x64-baseline", "arm64": "@oven/bun-linux-aarch64"}, "1"},
	"deno": {map[string]string{"amd64": "@deno/linux-x64-glibc", "arm64": "@deno/linux-arm64-glibc"}, "2"},
}

// fetchNpmBinary packs a program of npmBinaries, in version or its usual major, as NAME.tgz.
func fetchNpmBinary(ctx context.Context, name, version, dir string) error {
	binary := npmBinaries[name]
	pkg := binary.packages[goruntime.GOARCH]
	if pkg == "" {
		return fmt.Errorf("there is no %s for %s", name, goruntime.GOARCH)
	}
	if version == "" {
		version = binary.major
	}
	return npmPack(ctx, dir, pkg+"@"+version, name+".tgz")
}
