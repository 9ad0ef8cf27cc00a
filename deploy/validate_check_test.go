package deploy

import (
	"errors"
	"strings"
	"testing"

	"csph/platform"
)

func TestChecksThatCannotBeAskedAreRefused(t *testing.T) {
	for want, c := range map[string]platform.Check{
		"":                     {Path: "/up", Port: 80, Host: "a", Scheme: "https"},
		" ":                    {Exec: "test -f /tmp/ok"},
		"either a path or":     {},
		"either a path or a":   {Path: "/", Exec: "true"},
		"cannot be asked":      {Path: "/a b"},
		"a port is 1 to 65535": {Path: "/", Port: 70000},
		"http or https":        {Path: "/", Scheme: "ftp"},
		"cannot be negative":   {Path: "/", RetryPeriod: -1},
	} {
		for _, config := range []platform.Config{{Ready: &c}, {Health: &platform.Health{Check: c}}} {
			err := validateChecks(config)
			if want = strings.TrimSpace(want); (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, platform.ErrInvalid)) {
				t.Errorf("%+v: %v, want %q", c, err, want)
			}
		}
	}
	if err := validateChecks(platform.Config{Health: &platform.Health{Check: platform.Check{Path: "/"}, Period: -1}}); err == nil {
		t.Error("a negative period passes")
	}
}
