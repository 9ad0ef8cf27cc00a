package port

import "testing"

// Reserve holds a port until the test or benchmark has ended, and returns its address on the loopback address.
func Reserve(t testing.TB) string {
	t.Helper()
	h, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h.Address()
}
