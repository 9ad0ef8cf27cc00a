package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"csph/api/wire"
)

// message is one server-sent event (WHATWG HTML section 9.2.6).
type message struct {
	id    string
	event string
	data  any
}

// stream answers with what open's sequence yields until it ends, the client goes, or the server stops.
func (s *Server) stream(open func(ctx context.Context) iter.Seq2[message, error]) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		ctx, cancel := context.WithCancel(hc.Context())
		defer cancel()
		out := newSender(w)
		alive := out.keepAlive(ctx, cancel, s.KeepAlive)
		defer alive.Wait()
		defer cancel()
		if err := out.all(open(ctx)); err != nil && ctx.Err() == nil {
			requestOf(ctx).fail(err)
			_ = out.send(message{event: wire.MessageError, data: s.problem(ctx, err).Problem}) // the connection ends either way
		}
	}}
}

// sender writes server-sent events. It is safe for concurrent use.
type sender struct {
	mu  sync.Mutex
	w   http.ResponseWriter
	ctl *http.ResponseController
}

func newSender(w http.ResponseWriter) *sender {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return &sender{w: w, ctl: http.NewResponseController(w)}
}

// all sends what seq yields, then that it is complete.
func (o *sender) all(seq iter.Seq2[message, error]) error {
	if err := o.write([]byte(": csph\n\n")); err != nil {
		return err
	}
	for m, err := range seq {
		if err == nil {
			err = o.send(m)
		}
		if err != nil {
			return err
		}
	}
	return o.send(message{event: wire.MessageEnd, data: struct{}{}})
}

func (o *sender) send(m message) error {
	data, err := json.Marshal(m.data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	var b bytes.Buffer
	if m.id != "" {
		fmt.Fprintf(&b, "id: %s\n", m.id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", m.event, data)
	return o.write(b.Bytes())
}

// write sends b at once. A client that does not read for writeTimeout has gone.
func (o *sender) write(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ctl.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := o.w.Write(b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := o.ctl.Flush(); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

// keepAlive sends a comment every so often until ctx ends, and gives up on a client that takes none.
func (o *sender) keepAlive(ctx context.Context, giveUp context.CancelFunc, every time.Duration) *sync.WaitGroup {
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if o.write([]byte(":\n\n")) != nil {
					giveUp()
					return
				}
			}
		}
	})
	return &wg
}

// streamResponse documents a stream of events whose data is T.
func streamResponse[T any](api huma.API, event string) *huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	return &huma.Response{
		Description: fmt.Sprintf("Server-sent events: %q with the schema as data; then %q when the stream is complete, or %q with a Problem", event, wire.MessageEnd, wire.MessageError),
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: schemas.Schema(reflect.TypeFor[T](), true, "")}},
	}
}
