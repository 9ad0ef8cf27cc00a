package builder

import (
	"path/filepath"
	"testing"
)

func TestEachClearingIsAnotherOneAndThoseOfDeletedServicesAreForgotten(t *testing.T) {
	c := clearings{dir: filepath.Join(t.TempDir(), "cleared")}
	of := func(service string) string {
		t.Helper()
		text, err := c.of(service)
		must(t, err)
		return text
	}
	must(t, c.keepOnly(nil)) // there is no folder yet
	if got := of("svc_a"); got != "" {
		t.Errorf("before any clearing it is %q", got)
	}
	must(t, c.note("svc_a"))
	first := of("svc_a")
	must(t, c.note("svc_a"))
	must(t, c.note("svc_b"))
	if second := of("svc_a"); first == "" || second == first {
		t.Errorf("one clearing is %q, the next %q", first, second)
	}
	must(t, c.keepOnly(map[string]bool{"svc_a": true}))
	if of("svc_a") == "" || of("svc_b") != "" {
		t.Errorf("kept are %q and %q", of("svc_a"), of("svc_b"))
	}
}
