package platform

import (
	"errors"
	"testing"
)

func TestADomainMayBePartOfAHost(t *testing.T) {
	for name, want := range map[string][2]string{
		"www.example.com": {"www.example.com", ""}, "www.example.com/api": {"www.example.com", "/api"}, "a.test/b/c": {"a.test", "/b/c"},
	} {
		if host, prefix := SplitDomain(name); host != want[0] || prefix != want[1] {
			t.Errorf("%s: %q, %q", name, host, prefix)
		}
	}
	for _, prefix := range []string{"/api", "/a/b.c", "/~x"} {
		if err := CheckPrefix(prefix); err != nil {
			t.Error(err)
		}
	}
	for _, prefix := range []string{"", "/", "api", "/api/", "/a/../b", "//a", "/a?b", "/a%20b", "/a b", "/ü", "/*"} {
		if err := CheckPrefix(prefix); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}
