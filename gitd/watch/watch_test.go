package watch_test

import (
	"errors"
	"strings"
	"testing"

	"csph/gitd/watch"
	"csph/platform"
)

func TestPatternsSayWhichFilesCount(t *testing.T) {
	for _, c := range []struct {
		patterns string
		path     string
		want     bool
	}{
		{"", "anything", true},
		{"apps/web/**", "apps/web/src/main.go", true},
		{"apps/web/**", "apps/website/main.go", false},
		{"apps/web", "apps/web/main.go", true},
		{"apps/web/", "apps/web/main.go", true},
		{"/go.mod", "go.mod", true},
		{"/go.mod", "tools/go.mod", false},
		{"*.go", "deep/down/main.go", true},
		{"apps/web/** !*.md", "apps/web/README.md", false},
		{"apps/web/** packages/ui/**", "packages/ui/button.tsx", true},
	} {
		p, err := watch.Parse(strings.Fields(c.patterns))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Watches(c.path); got != c.want {
			t.Errorf("%q watches %s: %v", c.patterns, c.path, got)
		}
	}
}

func TestPatternsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, patterns := range [][]string{{""}, {"!"}, {"/"}, {strings.Repeat("x", 501)}, make([]string, 101)} {
		if _, err := watch.Parse(patterns); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%.20q: %v", patterns, err)
		}
	}
}
