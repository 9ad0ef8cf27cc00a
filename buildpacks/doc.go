// Package buildpacks looks at a source and says how it becomes an image: fs.FS in, Plan out.
//
// It owns detection: which language, framework, package manager and version, and why; which steps build it,
// what of the result goes into the run image, and what starts it. Every choice is a Decision that names its
// reason and the way to override it.
//
// It is pure. It reads the source and nothing else: no network, no clock, no environment, no BuildKit. The same
// source and Options give the same Plan, byte for byte as JSON. It never runs anything from the source, and
// whatever the source holds it returns a Plan or an error, never panics.
//
// Plans name official images and no hosts: where packages and images come from is the builder's business.
package buildpacks
