package gitd_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"csph/gitd"
	"csph/gitd/watch"
)

func TestOnlyACommitThatTouchesWatchedFilesCounts(t *testing.T) {
	there := startHub(t)
	if err := os.MkdirAll(filepath.Join(there.work, "apps", "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	there.commit("apps/web/main.go", "package main\n")
	first := there.commit("README.md", "one\n")
	h := start(t, there.reaching)
	if _, err := h.checkout(there.repository(), ""); err != nil {
		t.Fatal(err)
	}
	touches := func(commit, since string, patterns ...string) bool {
		t.Helper()
		watched, err := watch.Parse(patterns)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		got, err := h.server.Touches(ctx, "svc_1", there.repository(), gitd.Commit{Ref: "refs/heads/main", ID: commit}, since, watched)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	text := there.commit("README.md", "two\n")
	if touches(text, first, "apps/web/**") {
		t.Error("a text beside what is watched counts")
	}
	if !touches(text, first, "*.md") || !touches(text, first) || !touches(text, "", "apps/web/**") {
		t.Error("what is watched, everything, or a first deployment does not count")
	}
	if !touches(text, "0123456789012345678901234567890123456789", "apps/web/**") {
		t.Error("against a commit that is not here nothing counts")
	}
	if code := there.commit("apps/web/main.go", "package main // two\n"); !touches(code, first, "apps/web/**") {
		t.Error("what is watched does not count")
	}
}
