package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type streamEvents struct {
	Service     string `query:"service" doc:"Only those of this service"`
	Deployment  string `query:"deployment" doc:"Only those of this deployment"`
	After       int64  `query:"after" minimum:"0" doc:"Only events after this position"`
	Follow      bool   `query:"follow" doc:"Go on with what happens from now on"`
	LastEventID string `header:"Last-Event-ID" doc:"Position to resume after; takes precedence over after"`
}

func (s *Server) eventOperations(api huma.API) {
	add(s, api, operation{
		id: "stream-events", method: http.MethodGet, path: "/v1/events", tag: "events",
		summary: "Stream what happened, and with follow what happens, in order",
		stream:  streamResponse[platform.Event](api, wire.MessageEvent),
	}, s.streamEvents)
}

func (s *Server) streamEvents(ctx context.Context, in *streamEvents) (*huma.StreamResponse, error) {
	service, err := s.serviceID(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	q := EventQuery{Service: service, After: in.After, Live: in.Follow}
	if in.Deployment != "" {
		d, err := s.deployment(ctx, in.Deployment)
		if err != nil {
			return nil, err
		}
		q.Deployment = d.ID
	}
	if in.LastEventID != "" {
		after, err := strconv.ParseInt(in.LastEventID, 10, 64)
		if err != nil || after < 0 {
			return nil, fmt.Errorf("%w: Last-Event-ID %q is no position", platform.ErrInvalid, in.LastEventID)
		}
		q.After = after
	}
	return s.stream(func(ctx context.Context) iter.Seq2[message, error] { return s.messages(ctx, q) }), nil
}

// messages are the account's events that q selects.
func (s *Server) messages(ctx context.Context, q EventQuery) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		var own map[string]bool
		for e, err := range s.Events.Events(ctx, q) {
			if err == nil && q.Service == "" && q.Deployment == "" {
				if own, err = s.owned(ctx, own, e.Service); err == nil && !own[e.Service] {
					continue
				}
			}
			if !yield(message{id: strconv.FormatInt(e.Seq, 10), event: wire.MessageEvent, data: e}, err) || err != nil {
				return
			}
		}
	}
}

// owned returns own, read anew when it does not have an answer for service; whether that is the
// account's is remembered either way.
func (s *Server) owned(ctx context.Context, own map[string]bool, service string) (map[string]bool, error) {
	if _, known := own[service]; known {
		return own, nil
	}
	now, err := s.ownServices(ctx)
	if err != nil {
		return nil, err
	}
	for id := range own {
		now[id] = now[id] || own[id] // a service deleted meanwhile keeps its events
	}
	if !now[service] {
		now[service] = false
	}
	return now, nil
}
