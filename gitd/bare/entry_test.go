package bare

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func TestNamesThatAreOrdinaryPass(t *testing.T) {
	for _, path := range []string{"a", ".gitignore", ".github/workflows/x.yml", "git", ".gi", "a~1", "dir/..a", "a..", "...", "ünïcödé", "with space", "x.git", "c:", `back\slash`, strings.Repeat("n", 255)} {
		if err := checkPath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestNamesThatLeaveTheCheckoutOrStandForGitAreRefused(t *testing.T) {
	for _, path := range []string{"", ".", "..", "a/..", "../a", "a//b", "/a", "a/", ".git", ".GIT", "a/.git/b", ".git ", ".git...", ".git . .", "git~1", "GIT~1",
		".git::$INDEX_ALLOCATION", ".git\u200c", ".\u202egit", "\ufeff.git", `a\.git`, `.git\config`, "a\x00", "a\nb", "\x1b", "\x7f",
		strings.Repeat("n", 256), strings.Repeat("n/", 1800) + "n"} {
		if checkPath(path) == nil {
			t.Errorf("%q was taken", path)
		}
	}
}

func TestSymlinksAreFollowedThroughTheTree(t *testing.T) {
	links := symlinks{
		"in": "a/b", "up": "a/../b", "sub/up": "..", "sub/self": ".", "deep/x/y": "../../a", "dangling": "no/such",
		"out": "..", "sub/out": "../..", "abs": "/etc", "viaUp": "sub/up/..", "viaAbs": "abs/passwd", "loop": "loop", "l1": "l2", "l2": "l1",
		"viaDeep": "deep/x/y/../..", "empty": "", "inside": "sub/self/sub/up/in",
	}
	for path, want := range map[string]error{
		"in": nil, "up": nil, "sub/up": nil, "sub/self": nil, "deep/x/y": nil, "dangling": nil, "empty": nil, "inside": nil,
		"out": errLeaves, "sub/out": errLeaves, "abs": errLeaves, "viaUp": errLeaves, "viaAbs": errLeaves, "loop": errLoops, "l1": errLoops,
		"viaDeep": errLeaves,
	} {
		if err := links.check(path); err != want {
			t.Errorf("%s -> %s: %v, not %v", path, links[path], err, want)
		}
	}
}

func TestPathsInListsAreQuotedAsGitWantsThem(t *testing.T) {
	for path, want := range map[string]string{"/a/b": "/a/b", "/a:b": `"/a:b"`, `/a"b`: `"/a\"b"`, `/a\b`: `"/a\\b"`, "/a\nb": `"/a\nb"`} {
		if got := quotePath(path); got != want {
			t.Errorf("%q: %s", path, got)
		}
	}
}

func rawEntry(mode, name string) []byte {
	return fmt.Appendf(nil, "%s %s\x00%s", mode, name, bytes.Repeat([]byte{1}, 20))
}

func FuzzTreeEntries(f *testing.F) {
	f.Add(append(rawEntry("100644", "a"), rawEntry("40000", "b")...))
	f.Add(rawEntry("40000", ".."))
	f.Add(rawEntry("120000", ".git"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		links, err := checkTree(raw)
		if err != nil {
			return
		}
		seen := 0
		for rest := raw; len(rest) > 0; {
			entry, more, err := cutEntry(rest)
			if err != nil {
				t.Fatalf("a tree that passed cannot be read: %v", err)
			}
			if checkPath(entry.path) != nil || strings.Contains(entry.path, "/") || checkMode(entry.mode) != nil {
				t.Errorf("entry %q of mode %o passed", entry.path, entry.mode)
			}
			if entry.mode != modeSubmodule {
				seen++
			}
			rest = more
		}
		if len(links) != seen {
			t.Errorf("%d links of %d entries", len(links), seen)
		}
	})
}

func FuzzCommitsAndTags(f *testing.F) {
	id := plumbing.ZeroHash.String()
	f.Add([]byte("tree " + id + "\nparent " + id + "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nsubject\n\nbody"))
	f.Add([]byte("object " + id + "\ntype commit\ntag v1\n\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if tree, parents, err := readCommit(raw); err == nil {
			header := fmt.Sprintf("tree %s\n", tree)
			for _, id := range parents {
				header += fmt.Sprintf("parent %s\n", id)
			}
			if !bytes.HasPrefix(bytes.ToLower(raw), []byte(header+"author ")) {
				t.Errorf("read tree %s and %d parents", tree, len(parents))
			}
		}
		if _, err := checkTag(raw); err == nil && !bytes.HasPrefix(raw, []byte("object ")) {
			t.Error("a tag without an object passed")
		}
		if strings.ContainsAny(subjectOf(raw), "\n") {
			t.Error("a subject of two lines")
		}
	})
}

func FuzzSymlinks(f *testing.F) {
	f.Add("a", "b/..", "b", "c/d")
	f.Fuzz(func(t *testing.T, p1, t1, p2, t2 string) {
		links := symlinks{p1: t1, p2: t2}
		if checkPath(p1) != nil || links.check(p1) != nil {
			return
		}
		if strings.HasPrefix(links[p1], "/") {
			t.Errorf("the absolute link %q passed", links[p1])
		}
	})
}

// FuzzModules reads .gitmodules files.
func FuzzModules(f *testing.F) {
	f.Add([]byte("[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib.git\n"))
	f.Add([]byte("[submodule \"..\"]\npath=../x\nurl=ext::sh -c x\n[submodule"))
	f.Fuzz(func(t *testing.T, content []byte) {
		all := []Submodule{{Path: "lib"}, {Path: "other"}}
		if err := address(all, content); err != nil {
			return
		}
		for _, m := range all {
			if m.URL != "" && !bytes.Contains(content, []byte(m.Path)) {
				t.Errorf("%s has the URL %q out of nothing", m.Path, m.URL)
			}
		}
	})
}
