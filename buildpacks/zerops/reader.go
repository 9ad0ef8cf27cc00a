package zerops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader reads values strictly and collects what is wrong with them.
type reader struct {
	file     string
	problems []Problem
}

// field is a key that a section may have, and how its value is read.
type field struct {
	name string
	read func(n *node, path string)
}

func (r *reader) report(n *node, path, advice, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: n.line, Column: n.column, Path: path, Text: fmt.Sprintf(format, args...), Advice: advice,
	})
}

// is reports whether n is of one of the kinds, and complains if it is not.
func (r *reader) is(n *node, path string, kinds ...kind) bool {
	if slices.Contains(kinds, n.kind) {
		return true
	}
	var wanted []string
	for _, k := range kinds {
		wanted = append(wanted, kindNames[k])
	}
	r.report(n, path, "", "must be %s, but is %s", strings.Join(wanted, " or "), kindNames[n.kind])
	return false
}

// section reads an object whose keys are all among fields.
func (r *reader) section(n *node, path string, fields []field) {
	if !r.is(n, path, object) {
		return
	}
	for _, e := range n.entries {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key })
		if i < 0 {
			r.unknown(e, path, fields)
			continue
		}
		fields[i].read(e.value, join(path, e.key))
	}
}

func (r *reader) unknown(e entry, path string, fields []field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	at := &node{line: e.line, column: e.column}
	if instead, ok := notOffered[e.key]; ok {
		r.report(at, join(path, e.key), instead, "Zerops has this key, csph has not")
		return
	}
	r.report(at, join(path, shorten(e.key)), suggest(e.key, names), "unknown key")
}

// notOffered are keys that a file written for Zerops may have, and what to do without them.
var notOffered = map[string]string{
	"mount":               "remove it, and attach shared storage to the service once: csph volumes create NAME --shared --service SERVICE; it is at /mnt/NAME from then on",
	"volume":              "remove it, and give the service the volume once: csph volumes create NAME --service SERVICE --path /data",
	"siteConfigPath":      "remove it; rules for php-apache@ go into a .htaccess file, and run.documentRoot names the folder that is served, by php-nginx@ too",
	"init":                "its name is initCommands",
	"verticalAutoscaling": "remove it; the size of a spherelet is its shape: csph services configure --shape",
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// require complains where n lacks one of keys.
func (r *reader) require(n *node, path string, keys ...string) {
	if n.kind != object {
		return
	}
	for _, key := range keys {
		if n.get(key) == nil {
			r.report(n, path, "", "%s is missing", key)
		}
	}
}

func (r *reader) text(into *string) func(*node, string) {
	return func(n *node, path string) {
		if !r.is(n, path, text) {
			return
		}
		if strings.ContainsRune(n.value, 0) {
			r.report(n, path, "", "holds a NUL byte")
			return
		}
		*into = n.value
	}
}

// scalar takes a text, and a number where a text is meant: `base: 20` is none, `DB_PORT: 5432` is.
func (r *reader) scalar(n *node, path string) string {
	var value string
	if r.is(n, path, text, number, boolean) {
		value = n.value
	}
	if strings.ContainsRune(value, 0) {
		r.report(n, path, "", "holds a NUL byte")
		return ""
	}
	return value
}

// oneOf takes one of the allowed words, in any case; it is kept as listed.
func (r *reader) oneOf(into *string, allowed ...string) func(*node, string) {
	return func(n *node, path string) {
		var value string
		if r.text(&value)(n, path); value == "" {
			return
		}
		i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) })
		if i < 0 {
			r.report(n, path, suggest(value, allowed), "%q is not allowed here", shorten(value))
			return
		}
		*into = allowed[i]
	}
}

// texts takes one text or a list of them.
func (r *reader) texts(into *[]string) func(*node, string) {
	return func(n *node, path string) {
		items := []*node{n}
		if n.kind == list {
			items = n.items
		} else if !r.is(n, path, text, list) {
			return
		}
		for i, item := range items {
			var value string
			at := path
			if n.kind == list {
				at = fmt.Sprintf("%s[%d]", path, i)
			}
			if r.text(&value)(item, at); strings.TrimSpace(value) != "" {
				*into = append(*into, value)
			}
		}
	}
}

func (r *reader) boolean(into *bool) func(*node, string) {
	return func(n *node, path string) {
		if r.is(n, path, boolean) {
			*into = strings.EqualFold(n.value, "true")
		}
	}
}

func (r *reader) integer(into *int, least, most int) func(*node, string) {
	return func(n *node, path string) {
		if !r.is(n, path, number) {
			return
		}
		v, err := strconv.Atoi(n.value)
		if err != nil || v < least || v > most {
			r.report(n, path, "", "%s is not a whole number from %d to %d", shorten(n.value), least, most)
			return
		}
		*into = v
	}
}

// longest bounds every time in the file: a day.
const longest = 24 * 60 * 60

func (r *reader) seconds(into *time.Duration) func(*node, string) {
	return func(n *node, path string) {
		var v int
		r.integer(&v, 1, longest)(n, path)
		*into = time.Duration(v) * time.Second
	}
}

// each reads a list of objects.
func (r *reader) each(read func(n *node, path string)) func(*node, string) {
	return func(n *node, path string) {
		if !r.is(n, path, list) {
			return
		}
		for i, item := range n.items {
			read(item, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

// variables reads an object of names and scalar values.
func (r *reader) variables(into *map[string]string) func(*node, string) {
	return func(n *node, path string) {
		if n.kind == nothing || !r.is(n, path, object) {
			return
		}
		*into = map[string]string{}
		for _, e := range n.entries {
			at := &node{line: e.line, column: e.column}
			if !variableName(e.key) {
				r.report(at, join(path, shorten(e.key)), "use letters, digits and _, and no digit first", "this is no name for a variable")
				continue
			}
			(*into)[e.key] = r.scalar(e.value, join(path, e.key))
		}
	}
}

func variableName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 200
}
