package watch_test

import (
	"errors"
	"testing"

	"csph/gitd/watch"
	"csph/platform"
)

// FuzzWatches reads patterns and asks them about paths, which come from payloads of webhooks.
func FuzzWatches(f *testing.F) {
	f.Add("apps/web/**", "!apps/web/README.md", "apps/web/main.go")
	f.Add("[a-", "**/**/**", "a//b/")
	f.Fuzz(func(t *testing.T, one, two, path string) {
		paths, err := watch.Parse([]string{one, two})
		if err != nil {
			if !errors.Is(err, platform.ErrInvalid) {
				t.Errorf("%q and %q: %v", one, two, err)
			}
			return
		}
		if watched := paths.Watches(path); watched != paths.Touched([]string{path}) || paths.All() {
			t.Errorf("%q and %q of %q: %v", one, two, path, watched)
		}
	})
}
