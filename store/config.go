package store

import (
	"fmt"
	"strings"

	"csph/platform"
)

const portMax = 1<<16 - 1

// withDefaults fills in what a new service need not say.
func withDefaults(c platform.Config) platform.Config {
	if c.Shape == "" {
		c.Shape = platform.DefaultShape
	}
	if c.Count == 0 {
		c.Count = 1
	}
	if c.Autoscale != nil {
		c.Count = c.Autoscale.Within(c.Count)
	}
	return c
}

// checkConfig refuses what no service could ever run with. Whether it fits is deploy's question.
func checkConfig(c platform.Config) error {
	if _, err := platform.ShapeNamed(c.Shape); err != nil {
		return err
	}
	if c.Count < 1 {
		return fmt.Errorf("%w: a count of %d spherelets; it must be at least 1 (csph services suspend stops a service)", platform.ErrInvalid, c.Count)
	}
	if c.Port < 0 || c.Port > portMax {
		return fmt.Errorf("%w: port %d; it must be between 1 and %d, or 0 for the default", platform.ErrInvalid, c.Port, portMax)
	}
	if a := c.Autoscale; a != nil {
		if err := a.Check(); err != nil {
			return err
		}
	}
	return checkEnv(c.Env)
}

// checkEnv refuses variables that no process can be given (POSIX.1-2017 section 8.1).
func checkEnv(env map[string]string) error {
	for name, value := range env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("%w: %q cannot be the name of a variable: it must not be empty nor hold = or NUL", platform.ErrInvalid, name)
		}
		if strings.Contains(value, "\x00") {
			return fmt.Errorf("%w: the value of %s holds a NUL byte, which no process can be given", platform.ErrInvalid, name)
		}
	}
	return nil
}
