// Package source packs a folder for deployment: HEAD of its git work tree, or, where there is none, its
// files. .dockerignore and .deployignore of the folder leave files out in both cases, .gitignore in the
// second. It refuses to change anything, to follow links, and to know where the archive goes.
package source
