package containerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"csph/durable"
	"csph/platform"
)

// set is what runs of one deployment. declared and ending are guarded by Engine.declaring, members by Engine.mu.
type set struct {
	declared platform.Set
	ending   bool
	members  []*member // in the order they were made
}

func (e *Engine) setPath(deployment string) string {
	return e.cfg.dir("sets", deployment+".json")
}

// writeSet puts down what should run, durably and in one step.
func (e *Engine) writeSet(s platform.Set) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the set of %s: %w", s.Deployment, err)
	}
	path := e.setPath(s.Deployment)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the set of %s: %w", s.Deployment, err)
	}
	if err := durable.Replace(path, b, 0o600); err != nil {
		return fmt.Errorf("write the set of %s: %w", s.Deployment, err)
	}
	return nil
}

func (e *Engine) forgetSet(deployment string) error {
	err := os.Remove(e.setPath(deployment))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the set of %s: %w", deployment, err)
	}
	return nil
}

// readSets returns what should run, by deployment.
func (e *Engine) readSets() (map[string]platform.Set, error) {
	files, err := filepath.Glob(e.cfg.dir("sets", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list the sets: %w", err)
	}
	found := map[string]platform.Set{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read a set: %w", err)
		}
		var s platform.Set
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, fmt.Errorf("read set %s: %w", filepath.Base(f), err)
		}
		if s.Deployment != strings.TrimSuffix(filepath.Base(f), ".json") {
			return nil, fmt.Errorf("read set %s: it is of deployment %q", filepath.Base(f), s.Deployment)
		}
		found[s.Deployment] = s
	}
	return found, nil
}
