package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"golang.org/x/mod/semver"
)

// fetch brings what a recipe needs from the host and its package registries, each through its ordinary
// client, so that mirrors, proxies and credentials are as configured for it. Files go into dir; a folder that is used
// in place is returned.
func fetch(ctx context.Context, what, version, dir string) (brought string, err error) {
	switch what {
	case "debian":
		return "", fetchDebian(ctx, dir)
	case "go":
		return fetchGo(ctx, version, dir)
	case "node":
		return "", fetchNode(ctx, version, dir)
	case "bun", "deno":
		return "", fetchNpmBinary(ctx, what, version, dir)
	}
	return "", nil
}

// fetchDebian makes rootfs.tar with the host's own apt sources.
func fetchDebian(ctx context.Context, dir string) error {
	_, err := command(ctx, dir, "mmdebstrap", "--variant=minbase", "--mode=root", "--include=ca-certificates,netbase,tzdata",
		"--aptopt=APT::Install-Recommends \"false\"",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/info/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		`--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/apt.conf.d/99mmdebstrap"`,
		`--customize-hook=echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' > "$1/etc/apt/apt.conf.d/docker-clean"`,
		"bookworm", "rootfs.tar")
	return err
}

// fetchGo returns the folder of a Go toolchain of version (1, 1.26 or 1.26.3): the host's own when it
// fits, else the newest of that version among the golang.org/toolchain modules.
func fetchGo(ctx context.Context, version, dir string) (string, error) {
	out, err := command(ctx, dir, "go", "env", "-json", "GOROOT", "GOVERSION")
	if err != nil {
		return "", err
	}
	var own struct{ GOROOT, GOVERSION string }
	if err := json.Unmarshal(out, &own); err != nil {
		return "", fmt.Errorf("read the host's Go version: %w", err)
	}
	if goFits(own.GOVERSION, version) {
		return own.GOROOT, nil
	}
	out, err = command(ctx, dir, "go", "list", "-m", "-json", "-versions", "golang.org/toolchain")
	if err != nil {
		return "", err
	}
	var listed struct{ Versions []string }
	if err := json.Unmarshal(out, &listed); err != nil {
		return "", fmt.Errorf("read the list of Go toolchains: %w", err)
	}
	newest := newestToolchain(listed.Versions, version)
	if newest == "" {
		return "", fmt.Errorf("there is no Go toolchain %s for this machine at the Go module proxy", version)
	}
	out, err = command(ctx, dir, "go", "mod", "download", "-json", "golang.org/toolchain@"+newest)
	if err != nil {
		return "", err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("read where the Go toolchain is: %w", err)
	}
	return module.Dir, nil
}

// goFits reports whether release, such as go1.26.3, is of version 1, 1.26 or 1.26.3.
func goFits(release, version string) bool {
	release, _, _ = strings.Cut(strings.TrimPrefix(release, "go"), " ")
	return release == version || strings.HasPrefix(release, version+".")
}

// newestToolchain picks from versions like v0.0.1-go1.26.3.linux-amd64 the newest of version for this machine.
func newestToolchain(versions []string, version string) string {
	suffix := ".linux-" + goruntime.GOARCH
	newest, best := "", ""
	for _, v := range versions {
		release, ok := strings.CutSuffix(strings.TrimPrefix(v, "v0.0.1-go"), suffix)
		if !ok || !goFits(release, version) || !semver.IsValid("v"+release) {
			continue
		}
		if best == "" || semver.Compare("v"+release, "v"+best) > 0 {
			newest, best = v, release
		}
	}
	return newest
}

// npmFor is the npm that Node.js releases of each major version can run; newer ones take the newest.
var npmFor = map[string]string{"18": "10", "20": "10", "22": "10"}

// fetchNode packs Node.js of version (22, 22.3 or 22.3.1) and its package managers as the npm registry has them.
func fetchNode(ctx context.Context, version, dir string) error {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[goruntime.GOARCH]
	major, _, _ := strings.Cut(version, ".")
	npm, ok := npmFor[major]
	if !ok {
		npm = "11"
	}
	for _, p := range []struct{ file, spec string }{
		{"node.tgz", "node-linux-" + arch + "@" + version}, {"npm.tgz", "npm@" + npm}, {"corepack.tgz", "corepack@0.34"}, {"yarn.tgz", "yarn@1"},
	} {
		if err := npmPack(ctx, dir, p.spec, p.file); err != nil {
			return err
		}
	}
	return nil
}

// npmPack downloads the newest release that spec allows to file.
func npmPack(ctx context.Context, dir, spec, file string) error {
	out, err := command(ctx, dir, "npm", "pack", "--json", "--loglevel=error", spec)
	if err != nil {
		return err
	}
	var packed []struct{ Filename string }
	if err := json.Unmarshal(out, &packed); err != nil || len(packed) == 0 {
		return fmt.Errorf("read what npm packed for %s: %w", spec, errors.Join(err, errors.New("no file named")))
	}
	if err := os.Rename(filepath.Join(dir, packed[len(packed)-1].Filename), filepath.Join(dir, file)); err != nil {
		return fmt.Errorf("keep %s: %w", spec, err)
	}
	return nil
}

// command runs a program of the host in dir and returns what it prints.
func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%s is not installed on this machine, and is needed to make base images; install it with: apt-get install %s", name, debianPackage(name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, args[0], err, lastLines(stderr.String(), 5))
	}
	return stdout.Bytes(), nil
}

func debianPackage(program string) string {
	if program == "go" {
		return "golang-go"
	}
	return program
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
