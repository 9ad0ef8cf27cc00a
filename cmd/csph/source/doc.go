// Package source reads a folder for deployment, as a manifest that names the contents of its files by SHA-256, and then those
// contents that are asked for. It is HEAD of its git work tree, or, where there is none, its
// files. .dockerignore and .deployignore of the folder leave files out in both cases, .gitignore in the
// second. It refuses to change anything, to follow links, and to know where the archive goes.
package source
