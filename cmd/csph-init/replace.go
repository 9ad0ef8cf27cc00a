package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"csph/platform"
)

// largest is the largest file in which placeholders are looked for.
const largest = 64 << 20

// replaceAll puts the values of variables in the place of their names. What cannot be done is said, and stops nothing.
func replaceAll(r platform.Replacement) {
	pairs := placeholders(r.Delimiters, os.Environ())
	for _, target := range r.Targets {
		found, err := filepath.Glob(target)
		if err == nil && len(found) == 0 {
			err = fs.ErrNotExist
		}
		if err != nil {
			say("replace variables in %s: %v", target, err)
		}
		for _, path := range found {
			if err := replaceIn(path, pairs); err != nil {
				say("replace variables in %s: %v", path, err)
			}
		}
	}
}

// placeholders are all variables as they are written in files, and their values.
func placeholders(delimiters, env []string) *strings.Replacer {
	var pairs []string
	for _, d := range delimiters {
		for _, kv := range env {
			name, value, _ := strings.Cut(kv, "=")
			pairs = append(pairs, d+name+d, value)
		}
	}
	return strings.NewReplacer(pairs...)
}

// replaceIn treats a file, or the files right in a folder.
func replaceIn(path string, pairs *strings.Replacer) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return replaceFile(path, info, pairs)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			if err := replaceFile(filepath.Join(path, e.Name()), info, pairs); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceFile rewrites a file in one step, and leaves one alone in which there is nothing to replace.
func replaceFile(path string, info fs.FileInfo, pairs *strings.Replacer) error {
	if info.Size() > largest {
		return fmt.Errorf("it is larger than %d MB", largest>>20)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	after := []byte(pairs.Replace(string(before)))
	if bytes.Equal(before, after) {
		return nil
	}
	next := path + ".csph-new"
	if err := os.WriteFile(next, after, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
