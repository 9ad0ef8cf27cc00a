package api

import (
	"context"
	"iter"

	"csph/api/wire"
	"csph/logs"
)

// masked yields the lines of a service without its secrets. Those set meanwhile come with a new deployment, whose
// first line makes them be read again. When they cannot be read, no line is shown.
func (s *Server) masked(ctx context.Context, service string, lines iter.Seq2[wire.LogLine, error]) iter.Seq2[wire.LogLine, error] {
	return func(yield func(wire.LogLine, error) bool) {
		var mask *logs.Mask
		known, deployment := false, ""
		for l, err := range lines {
			if err == nil && (!known || l.Deployment != deployment) {
				mask, err = s.maskOf(ctx, service)
				known, deployment = err == nil, l.Deployment
			}
			if err != nil {
				yield(wire.LogLine{}, err)
				return
			}
			l.Text = mask.Text(l.Text)
			if l.Progress != nil {
				hidden := l.Progress.Texts(mask.Text)
				l.Progress = &hidden
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (s *Server) maskOf(ctx context.Context, service string) (*logs.Mask, error) {
	secrets, err := s.Records.Masked(ctx, service)
	if err != nil {
		return nil, err
	}
	return logs.NewMask(secrets...), nil
}
