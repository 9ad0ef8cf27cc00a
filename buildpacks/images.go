package buildpacks

import "slices"

// The images that plans name: official ones, by their full names. The builder pulls them, or resolves local
// stand-ins of the same names.
const (
	debianImage = "docker.io/library/debian:bookworm-slim"
)

func goImage(minor string) string   { return "docker.io/library/golang:" + minor + "-bookworm" }
func nodeImage(major string) string { return "docker.io/library/node:" + major + "-bookworm-slim" }

// DefaultImages returns the images of plans whose source asks for no version, sorted: those worth having at
// hand before the first push.
func DefaultImages() []string {
	images := []string{debianImage, goImage(newestGo), nodeImage(defaultNode)}
	slices.Sort(images)
	return images
}

// runUser is the uid that run images run as; official Node.js images call it node.
const runUser = "1000"

const (
	systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	appFolder  = "/app"
)

// runEnv is the environment every run image has: raw LLB takes none from the base image.
func runEnv(paths string, more map[string]string) map[string]string {
	env := map[string]string{"HOME": appFolder, "PATH": paths + systemPath}
	for k, v := range more {
		env[k] = v
	}
	return env
}

func buildEnv(paths string, more map[string]string) map[string]string {
	env := map[string]string{"HOME": "/root", "PATH": paths + systemPath}
	for k, v := range more {
		env[k] = v
	}
	return env
}
