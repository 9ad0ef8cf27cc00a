// Package builder turns plans into images and image references into pulled images. It owns buildkitd
// (configuration, network, cgroups, cache budget, restarts), the base images that plans are built on,
// the build logs, and the images and caches that builds leave in the engine's store.
//
// It refuses to look at a source to decide anything (that is package buildpacks), to run what it has
// built, and to know about deployments beyond the id that names an image and a log.
package builder
