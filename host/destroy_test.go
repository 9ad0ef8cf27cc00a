package host

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDestroyLeavesNothingOnTheMachine(t *testing.T) {
	i := open(t)
	if left, err := i.Leftovers(t.Context()); err != nil || len(left) != 0 {
		t.Fatalf("before anything was made: %v, %v", left, err)
	}
	if err := i.PrepareCgroups(); err != nil {
		t.Fatal(err)
	}
	if err := i.Fence(t.Context(), Openings{}); err != nil {
		t.Fatal(err)
	}
	join(t, i, "prj_a")
	cmd := start(t, i.AppCgroup("sph_1"))
	go cmd.Wait()
	mount := filepath.Join(i.Dir, "a folder")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	left, err := i.Leftovers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(left, "\n")
	for _, want := range []string{"sph_1", "process ", "interface " + i.bridgeName(0), "table inet " + i.appsTableName(), "mount " + mount} {
		if !strings.Contains(all, want) {
			t.Errorf("Leftovers does not name %q:\n%s", want, all)
		}
	}
	if err := i.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := i.Leftovers(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("after Destroy: %v, %v", left, err)
	}
}

func TestDestroyTouchesNoOtherInstance(t *testing.T) {
	mine, other := open(t), open(t)
	for _, i := range []*Instance{mine, other} {
		if err := i.PrepareCgroups(); err != nil {
			t.Fatal(err)
		}
		if err := i.Fence(t.Context(), Openings{}); err != nil {
			t.Fatal(err)
		}
		join(t, i, "prj_a")
	}
	before, err := other.Leftovers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := mine.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := other.Leftovers(t.Context())
	if err != nil || strings.Join(after, ";") != strings.Join(before, ";") {
		t.Errorf("the other instance had %v, has %v: %v", before, after, err)
	}
}
