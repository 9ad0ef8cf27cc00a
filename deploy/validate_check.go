package deploy

import (
	"fmt"
	"strings"

	"csph/platform"
)

// validateChecks refuses checks that could not be asked.
func validateChecks(c platform.Config) error {
	if c.Ready != nil {
		if err := validateCheck("readiness check", *c.Ready); err != nil {
			return err
		}
	}
	if c.Health == nil {
		return nil
	}
	if h := c.Health; h.Failure < 0 || h.Disconnect < 0 || h.Recovery < 0 || h.Period < 0 {
		return fmt.Errorf("%w: health check: its times cannot be negative", platform.ErrInvalid)
	}
	return validateCheck("health check", c.Health.Check)
}

func validateCheck(what string, c platform.Check) error {
	switch {
	case (c.Path == "") == (c.Exec == ""):
		return fmt.Errorf("%w: %s: it needs either a path or a command", platform.ErrInvalid, what)
	case c.Path != "" && strings.ContainsAny(c.Path, " \r\n\x00"), strings.ContainsRune(c.Exec, 0):
		return fmt.Errorf("%w: %s: %q cannot be asked for", platform.ErrInvalid, what, c.Path+c.Exec)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("%w: %s: port %d: a port is 1 to 65535", platform.ErrInvalid, what, c.Port)
	case c.Scheme != "" && c.Scheme != "http" && c.Scheme != "https":
		return fmt.Errorf("%w: %s: scheme %q: http or https", platform.ErrInvalid, what, c.Scheme)
	case c.FailureTimeout < 0 || c.RetryPeriod < 0:
		return fmt.Errorf("%w: %s: its times cannot be negative", platform.ErrInvalid, what)
	}
	return nil
}
