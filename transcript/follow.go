package transcript

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"csph/logs"
	"csph/platform"
)

// Source is where a transcript reads a deployment from.
type Source interface {
	// Deployment returns the record as it is now.
	Deployment(ctx context.Context, id string) (platform.Deployment, error)
	// DeploymentEvents yields the deployment's events after position after, then new ones as they
	// come, until ctx ends. An error is yielded once, and last.
	DeploymentEvents(ctx context.Context, id string, after int64) iter.Seq2[platform.Event, error]
	// BuildLog yields the lines of the deployment's build log from its start, then new ones as they
	// come, until the log has ended or ctx ends. A deployment without a build log yields nothing or
	// an error that is platform.ErrNotFound.
	BuildLog(ctx context.Context, id string) iter.Seq2[logs.Line, error]
}

// SettledError says that the transcript was told to its end and that the deployment is not live.
type SettledError struct {
	Deployment platform.Deployment
}

func (e *SettledError) Error() string {
	d := e.Deployment
	if d.Status == platform.Failed && d.Reason != "" {
		return fmt.Sprintf("deployment %s failed: %s", d.ID, d.Reason)
	}
	return fmt.Sprintf("deployment %s is %s", d.ID, d.Status)
}

// ErrCut says that the events ended before the deployment had settled.
var ErrCut = errors.New("the events of the deployment ended before it had settled")

// Follow writes the transcript of a deployment to w and blocks until the deployment has settled.
// It returns nil when the deployment is live, a *SettledError when it ended otherwise, and any
// other error when the story could not be told to its end (the source, w, or ctx failed).
func Follow(ctx context.Context, src Source, id string, w io.Writer) error {
	return Format{}.Follow(ctx, src, id, w)
}

// Follow is the package's Follow in format f.
func (f Format) Follow(ctx context.Context, src Source, id string, w io.Writer) error {
	d, err := src.Deployment(ctx, id)
	if err != nil {
		return fmt.Errorf("read deployment: %w", err)
	}
	t := newTeller(f, d, w)
	t.heading()
	if err := merge(ctx, src, d, t); err != nil {
		return err
	}
	if d, err = src.Deployment(ctx, id); err != nil {
		return fmt.Errorf("read deployment: %w", err)
	}
	t.end(d)
	switch {
	case t.err != nil:
		return fmt.Errorf("write transcript: %w", t.err)
	case d.Status != platform.Live && d.Status != platform.Retired:
		return &SettledError{Deployment: d}
	}
	return nil
}
