package main

import (
	"context"
	"encoding/json"
	"fmt"

	"csph/router/cert"
)

// memory is what a csphd knows that is in no file, and its successor wants to know as well.
type memory struct {
	Tickets *cert.Tickets `json:"tickets"`
}

// Memory implements handover.Front.
func (f *front) Memory() (json.RawMessage, error) {
	b, err := json.Marshal(memory{f.tickets})
	if err != nil {
		return nil, fmt.Errorf("write what the successor is to know: %w", err)
	}
	return b, nil
}

// remember takes over what the process before knows. Without it clients make full handshakes.
func (f *front) remember(ctx context.Context) {
	b, err := f.before.Memory(ctx)
	if err == nil {
		err = json.Unmarshal(b, &memory{f.tickets})
	}
	if err != nil {
		f.logger.Info("clients do not resume their TLS sessions after this upgrade", "err", err)
	}
}
