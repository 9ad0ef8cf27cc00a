package host

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// open makes an instance for one test, and takes it off the machine again.
func open(t testing.TB) *Instance {
	t.Helper()
	i, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := i.Destroy(ctx); err != nil {
			t.Error(err)
		}
		if left, err := i.Leftovers(ctx); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return i
}

func TestAnInstanceKeepsItsIdentity(t *testing.T) {
	first := open(t)
	again, err := Open(first.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != first.ID || again.Apps != first.Apps || again.Builds != first.Builds {
		t.Errorf("opened again as %s %s %s, was %s %s %s", again.ID, again.Apps, again.Builds, first.ID, first.Apps, first.Builds)
	}
}

func TestInstancesOpenedAtOnceShareNothing(t *testing.T) {
	const n = 8
	all := make([]*Instance, n)
	var wg sync.WaitGroup
	for k := range all {
		wg.Go(func() { all[k] = open(t) })
	}
	wg.Wait()
	ids := map[string]bool{}
	var subnets []netip.Prefix
	for _, i := range all {
		if ids[i.ID] || overlaps(i.Apps, subnets) || overlaps(i.Builds, append(subnets, i.Apps)) {
			t.Errorf("instance %s (%s, %s) shares something with an earlier one", i.ID, i.Apps, i.Builds)
		}
		ids[i.ID] = true
		subnets = append(subnets, i.Apps, i.Builds)
	}
}

func TestAMovedStateFolderKeepsItsIdentityAndACopyIsRefused(t *testing.T) {
	first := open(t)
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-a", first.Dir, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := Open(copied); err == nil || !strings.Contains(err.Error(), first.Dir) {
		t.Errorf("a copy was opened: %v", err)
	}
	if err := os.RemoveAll(first.Dir); err != nil {
		t.Fatal(err)
	}
	moved, err := Open(copied)
	if err != nil || moved.ID != first.ID {
		t.Errorf("a moved folder opened as %+v: %v", moved, err)
	}
}

func TestADamagedIdentityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "{", `{"id":"../etc","apps":"10.64.0.0/16","builds":"10.65.0.0/16"}`} {
		if err := os.WriteFile(filepath.Join(dir, recordFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if i, err := Open(dir); err == nil {
			t.Errorf("%q was opened as %s", text, i.ID)
		}
	}
}

func TestSubnetsKeepClearOfWhatIsTaken(t *testing.T) {
	var taken []netip.Prefix
	for b := 64; b < 252; b++ {
		taken = append(taken, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(b), 9, 0}), 24))
	}
	free, err := freeSubnets("0a0b0c", taken, 2)
	want := []netip.Prefix{netip.MustParsePrefix("10.252.0.0/16"), netip.MustParsePrefix("10.253.0.0/16")}
	slices.SortFunc(free, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	if err != nil || !slices.Equal(free, want) {
		t.Errorf("got %v, %v; want %v", free, err, want)
	}
	if free, err := freeSubnets("0a0b0c", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, 2); err == nil {
		t.Errorf("found %v where all is taken", free)
	}
}

func TestTheHostsOwnNetworksCountAsTaken(t *testing.T) {
	taken, err := takenPrefixes(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !overlaps(netip.MustParsePrefix("127.0.0.0/16"), taken) {
		t.Errorf("the loopback network is not in %v", taken)
	}
	for _, r := range nameservers(resolvConf...) {
		if !overlaps(netip.PrefixFrom(r, r.BitLen()), taken) {
			t.Errorf("resolver %s is not in %v", r, taken)
		}
	}
	if slices.ContainsFunc(taken, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		t.Error("the default route takes everything")
	}
}
