package containerd

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Remove stops the spherelets of a deployment (SIGTERM, SIGKILL after grace; with 0 the one follows the other
// at once) and removes everything of them except their logs. It blocks until that is done. When ctx ends
// first the removal goes on by itself. Removing what is not there is no error.
func (e *Engine) Remove(ctx context.Context, deployment string, grace time.Duration) error {
	members, err := e.condemn(deployment, grace)
	if err != nil {
		return err
	}
	for _, m := range members {
		select {
		case <-m.done:
		case <-ctx.Done():
			return fmt.Errorf("remove the spherelets of %s: %w", deployment, context.Cause(ctx))
		}
	}
	e.declaring.Lock()
	defer e.declaring.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.sets[deployment]; ok && s.ending {
		if len(s.members) > 0 {
			return fmt.Errorf("remove the spherelets of %s: the engine was stopped before it was done", deployment)
		}
		delete(e.sets, deployment)
	}
	return nil
}

// condemn withdraws the declaration of a set and tells its members to end.
func (e *Engine) condemn(deployment string, grace time.Duration) ([]*member, error) {
	e.declaring.Lock()
	defer e.declaring.Unlock()
	if err := e.forgetSet(deployment); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.sets[deployment]
	if !ok {
		return nil, nil
	}
	s.ending = true
	for _, m := range s.members {
		m.end(grace)
	}
	return slices.Clone(s.members), nil
}
