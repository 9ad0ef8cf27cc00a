package api

import (
	"errors"
	"slices"
	"testing"

	"csph/platform"
)

func FuzzCursor(f *testing.F) {
	f.Add("", 3)
	f.Add("ZGVmYXVsdC9wcm9kdWN0aW9uL3dlYg", 1)
	f.Add("***", 2)
	f.Fuzz(func(t *testing.T, cursor string, limit int) {
		p := Page{Cursor: cursor, Limit: 1 + limit&7}
		if _, err := p.position(); err != nil && !errors.Is(err, platform.ErrInvalid) {
			t.Fatalf("error is %v", err)
		}
		all := []string{"a", "b", "c", "d", "e"}
		page, err := short(t.Context(), p, all, func(s string) string { return s }, nil)
		if err != nil {
			if !errors.Is(err, platform.ErrInvalid) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		after, _ := p.after()
		from, _ := slices.BinarySearch(all, after+"\x00")
		if after == "" {
			from = 0
		}
		if want := all[from:min(len(all), from+p.Limit)]; !slices.Equal(page.Body, want) || (page.Link == "") != (from+p.Limit >= len(all)) {
			t.Fatalf("behind %q: %v with link %q; want %v", after, page.Body, page.Link, want)
		}
	})
}

func FuzzIfMatch(f *testing.F) {
	f.Add(`"abc"`, "x")
	f.Add("*", "x")
	f.Add(`"a", "b"`, "")
	f.Fuzz(func(t *testing.T, header, value string) {
		err := IfMatch{header}.check(value)
		if err != nil && !errors.Is(err, platform.ErrPrecondition) {
			t.Fatalf("error is %v", err)
		}
		if err := (IfMatch{header + "," + etag(value)}).check(value); err != nil {
			t.Fatalf("the tag itself is refused: %v", err)
		}
		if err := (IfMatch{etag(value + "x")}).check(value); err == nil {
			t.Fatal("another's tag is accepted")
		}
	})
}
