package buildpacks

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// What shows the class that a program of Java or Kotlin starts with.
var (
	javaPackage = regexp.MustCompile(`(?m)^\s*package\s+([\w.]+)`)
	javaMainFn  = regexp.MustCompile(`\b(?:public\s+)?static\s+(?:final\s+)?void\s+main\s*\(`)
	kotlinMain  = regexp.MustCompile(`(?m)^\s*(?:suspend\s+)?fun\s+main\s*\(`)
	ktJvmName   = regexp.MustCompile(`@file:JvmName\("(\w+)"\)`)
)

// mainClasses are the classes below dir that can be started, sorted by their files.
func mainClasses(s source, dir string) []string {
	var found []string
	if !s.isDir(dir) {
		return nil
	}
	s.walk(dir, func(string) bool { return true }, func(name string) bool {
		if class := mainClass(s, name); class != "" {
			found = append(found, class)
		}
		return len(found) < 20
	})
	return found
}

// likeliestFirst sorts classes by how much their names are those of a program that serves; equal ones stay in order.
func likeliestFirst(classes []string) []string {
	rank := func(class string) int {
		name := class[strings.LastIndex(class, ".")+1:]
		for i, pattern := range []*regexp.Regexp{asideClass, servingClass} {
			if pattern.MatchString(name) {
				return []int{2, 0}[i]
			}
		}
		return 1
	}
	sorted := slices.Clone(classes)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

var (
	servingClass = regexp.MustCompile(`^(?:Main|MainKt|App|AppKt|Application|ApplicationKt|Server|ServerKt)$|(?:Application|ApplicationKt|Server|ServerMain|ServerKt|WebApp|Launcher|Bootstrap)$`)
	asideClass   = regexp.MustCompile(`Client|Cli$|CLI|Tool|Test|Bench|Example|Demo|Version|Generator|Migrat`)
)

// mainClass is the full name of the class that a source file starts, or "".
func mainClass(s source, name string) string {
	base := name[strings.LastIndex(name, "/")+1:]
	stem, extension, _ := strings.Cut(base, ".")
	text := ""
	switch {
	case extension == "java":
		if text = s.text(name); !javaMainFn.MatchString(text) {
			return ""
		}
	case extension == "kt":
		if text = s.text(name); !kotlinMain.MatchString(text) {
			return ""
		}
		stem = kotlinClass(stem, text)
	default:
		return ""
	}
	if m := javaPackage.FindStringSubmatch(text); m != nil {
		return m[1] + "." + stem
	}
	return stem
}

// kotlinClass is the class that holds a Kotlin file's functions.
func kotlinClass(stem, text string) string {
	if m := ktJvmName.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	if stem == "" {
		return ""
	}
	return strings.ToUpper(stem[:1]) + stem[1:] + "Kt"
}
