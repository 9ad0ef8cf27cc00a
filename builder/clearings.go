package builder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"csph/durable"
)

// clearings is a folder that knows when the caches of each service were last cleared by hand. What was prepared for a
// zerops.yml lies in layers, which others may be built on and which cannot be dropped then: they are not used again.
type clearings struct{ dir string }

func (b *Builder) clearings() clearings {
	return clearings{dir: filepath.Join(b.config.buildkitDir(), "cleared")}
}

// of is a text that changes with each clearing; "" while there was none.
func (c clearings) of(service string) (string, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, service))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read when caches were cleared: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// note makes of return another text for the service.
func (c clearings) note(service string) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("note that caches were cleared: %w", err)
	}
	text := "-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "\n"
	if err := durable.Replace(filepath.Join(c.dir, service), []byte(text), 0o600); err != nil {
		return fmt.Errorf("note that caches were cleared: %w", err)
	}
	return nil
}

// keepOnly forgets all services but these.
func (c clearings) keepOnly(services map[string]bool) error {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read when caches were cleared: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !services[e.Name()] {
			errs = append(errs, os.Remove(filepath.Join(c.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
