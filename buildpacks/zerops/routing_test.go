package zerops

import "testing"

func TestHeadersWrittenInTheWayOfNginxAreBare(t *testing.T) {
	for in, want := range map[string]string{"'DENY'": "DENY", "'*' always": "*", `"default-src 'self'"`: "default-src 'self'", "plain": "plain"} {
		if got := bareValue(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
