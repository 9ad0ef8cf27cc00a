package cert

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// wire passes what certmagic logs on to slog, and reads Retry-After out of it: the library tells of
// answers' headers nowhere else.
type wire struct {
	log    *slog.Logger
	fields []zapcore.Field

	heard *heard
}

// heard is what an authority last said about coming back.
type heard struct {
	mu    sync.Mutex
	until time.Time
}

func newWire(log *slog.Logger) (*zap.Logger, *heard) {
	h := &heard{}
	return zap.New(&wire{log: log, heard: h}), h
}

// after returns when the authority wants to be asked again, as heard since a time; the zero time when it said nothing.
func (h *heard) after(since time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until.Before(since) {
		return time.Time{}
	}
	return h.until
}

// Enabled lets everything through: the answers' headers are told at the lowest level.
func (w *wire) Enabled(zapcore.Level) bool { return true }

func (w *wire) With(fields []zapcore.Field) zapcore.Core {
	return &wire{log: w.log, heard: w.heard, fields: append(w.fields[:len(w.fields):len(w.fields)], fields...)}
}

func (w *wire) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return ce.AddCore(e, w)
}

func (*wire) Sync() error { return nil }

// Write logs everything for those who look for faults: what matters is for the Keeper to say, which has the errors too.
func (w *wire) Write(e zapcore.Entry, fields []zapcore.Field) error {
	listening := w.log.Enabled(context.Background(), slog.LevelDebug)
	encoder := zapcore.NewMapObjectEncoder()
	for _, f := range append(w.fields[:len(w.fields):len(w.fields)], fields...) {
		if header, ok := f.Interface.(http.Header); ok && f.Key == "response_headers" {
			w.heard.listen(header)
		} else if listening {
			f.AddTo(encoder)
		}
	}
	if !listening {
		return nil
	}
	attrs := make([]slog.Attr, 0, len(encoder.Fields))
	for k, v := range encoder.Fields {
		attrs = append(attrs, slog.Any(k, v))
	}
	w.log.LogAttrs(context.Background(), slog.LevelDebug, "acme: "+e.Message, attrs...)
	return nil
}

// listen notes the Retry-After of an answer (RFC 9110 section 10.2.3).
func (h *heard) listen(header http.Header) {
	text := header.Get("Retry-After")
	if text == "" {
		return
	}
	until, err := http.ParseTime(text)
	if seconds, e := strconv.Atoi(text); e == nil && seconds >= 0 {
		until, err = time.Now().Add(time.Duration(seconds)*time.Second), nil
	}
	if err != nil {
		return // not a time: as if it were not there
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = until
}
