package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"csph/host"
	"csph/platform"
)

// LogPath is the log of a spherelet, in the format of package logs; it outlives the spherelet.
func (e *Engine) LogPath(deployment, spherelet string) string {
	return e.cfg.logPath(deployment, spherelet)
}

// Logged lists the spherelets of a deployment that have a log, those that are gone included, in the order
// they were made.
func (e *Engine) Logged(deployment string) ([]string, error) {
	files, err := filepath.Glob(e.cfg.logPath(deployment, "*"))
	if err != nil {
		return nil, fmt.Errorf("list the logs of %s: %w", deployment, err)
	}
	var ids []string
	for _, f := range files {
		ids = append(ids, strings.TrimSuffix(filepath.Base(f), ".log"))
	}
	slices.Sort(ids)
	return ids, nil
}

// ForgetLogs deletes the logs of a deployment whose spherelets are gone.
func (e *Engine) ForgetLogs(deployment string) error {
	if err := os.RemoveAll(filepath.Dir(e.cfg.logPath(deployment, "any"))); err != nil {
		return fmt.Errorf("delete the logs of %s: %w", deployment, err)
	}
	return nil
}

// Stats reads what a spherelet uses. ErrNotFound when it does not run.
func (e *Engine) Stats(spherelet string) (host.Usage, error) {
	if _, ok := e.hub.get(spherelet); !ok {
		return host.Usage{}, fmt.Errorf("%w: spherelet %s", platform.ErrNotFound, spherelet)
	}
	return e.inst.AppCgroup(spherelet).Usage()
}
