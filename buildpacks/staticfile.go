package buildpacks

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Staticfile is how a static site wants to be served (the format of Cloud Foundry's static buildpack).
type Staticfile struct {
	Root      string   // folder to serve, clean and inside the source; "" leaves it open
	Pushstate bool     // single-page app: index.html for what is no file
	Listing   bool     // list folders that have no index
	Ignored   []string // keys that are known and have no effect here
}

// ignoredStaticKeys are keys of the format that the router answers for, or that are not offered.
var ignoredStaticKeys = []string{"force_https", "http_strict_transport_security", "ssi", "host_dot_files",
	"location_include", "http_strict_transport_security_include_subdomains", "http_strict_transport_security_preload",
	"enable_http2", "status_codes"}

// ParseStaticfile reads a Staticfile: `key: value` lines, comments with #. An unknown key, a bad value, or a
// root outside of the source is a *SyntaxError with its line.
func ParseStaticfile(content []byte) (Staticfile, error) {
	var f Staticfile
	for i, line := range strings.Split(strings.TrimPrefix(string(content), "\ufeff"), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" || line == "---" {
			continue
		}
		if err := f.set(line); err != nil {
			return Staticfile{}, &SyntaxError{File: "Staticfile", Line: i + 1, Problem: err.Error(),
				Advice: "keys are root, pushstate and directory: `root: public`, `pushstate: enabled`, `directory: visible`"}
		}
	}
	return f, nil
}

func (f *Staticfile) set(line string) error {
	key, value, ok := strings.Cut(line, ":")
	key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"'`)
	switch {
	case !ok:
		return fmt.Errorf("%q has no colon", shorten(line))
	case key == "root":
		return f.setRoot(value)
	case key == "pushstate":
		f.Pushstate = value == "enabled" || value == "true"
		return oneOf(value, "enabled", "disabled", "true", "false")
	case key == "directory":
		f.Listing = value == "visible"
		return oneOf(value, "visible", "hidden")
	case slices.Contains(ignoredStaticKeys, key):
		f.Ignored = append(f.Ignored, key)
		return nil
	}
	return fmt.Errorf("unknown key %q", shorten(key))
}

func (f *Staticfile) setRoot(value string) error {
	root := path.Clean(value)
	if value == "" || !insideSource(root) || strings.ContainsRune(value, 0) {
		return fmt.Errorf("root %q is not a folder of the source", shorten(value))
	}
	f.Root = root
	return nil
}

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", shorten(value), strings.Join(allowed, ", "))
}
