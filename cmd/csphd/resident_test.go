package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
)

func TestAProgramWorksOnAfterItLetGoOfItsPages(t *testing.T) {
	before := residentFile(t)
	if err := shed(); err != nil {
		t.Fatal(err)
	}
	if after := residentFile(t); after >= before {
		t.Errorf("%d bytes of files are resident, and were %d before", after, before)
	}
	words := strings.Fields("what is read comes back")
	slices.Sort(words)
	if got := strings.Join(words, " "); got != "back comes is read what" {
		t.Errorf("sorted to %q", got)
	}
}

func residentFile(t *testing.T) uint64 {
	t.Helper()
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	status, err := self.NewStatus()
	if err != nil {
		t.Fatal(err)
	}
	return status.RssFile
}
