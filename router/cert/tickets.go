package cert

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// A key seals tickets for a day and opens them for a week, which is how long TLS 1.3 lets a ticket live (RFC 9846
// section 4.6.1).
const (
	ticketKeyLife = 24 * time.Hour
	ticketKeys    = 7
)

// Tickets are the keys by which clients resume TLS sessions (RFC 5077, RFC 9846 section 4.6.1). They are in memory
// only; as JSON they go to the process that takes over from this one, so that its clients resume there. All
// methods may be called from any goroutine.
type Tickets struct {
	sealer tls.Config // holds the keys as crypto/tls wants them

	mu   sync.Mutex
	keys []ticketKey // the newest, which seals, first
	now  func() time.Time
}

type ticketKey struct {
	Key  []byte    `json:"key"`
	Made time.Time `json:"made"`
}

// NewTickets returns keys that nobody knows.
func NewTickets() *Tickets {
	t := &Tickets{now: time.Now}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renew()
	return t
}

// Apply has the server of c seal and open tickets by these keys.
func (t *Tickets) Apply(c *tls.Config) {
	c.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		t.turn()
		return t.sealer.EncryptTicket(state, session)
	}
	c.UnwrapSession = t.sealer.DecryptTicket
}

// turn makes a new key once the present one has sealed for long enough.
func (t *Tickets) turn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now().Sub(t.keys[0].Made) >= ticketKeyLife {
		t.renew()
	}
}

// renew makes a key and forgets those that are too old. t.mu is held.
func (t *Tickets) renew() {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	t.keys = append([]ticketKey{{key, t.now().UTC()}}, t.keys...)
	t.keys = t.keys[:min(len(t.keys), ticketKeys)]
	t.set()
}

// set gives the keys to crypto/tls. t.mu is held.
func (t *Tickets) set() {
	keys := make([][32]byte, len(t.keys))
	for i, k := range t.keys {
		copy(keys[i][:], k.Key)
	}
	t.sealer.SetSessionTicketKeys(keys)
}

// MarshalJSON implements json.Marshaler. What it returns opens every session of the last week: keep it secret.
func (t *Tickets) MarshalJSON() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return json.Marshal(t.keys)
}

// UnmarshalJSON implements json.Unmarshaler: the keys are those of another process from now on.
func (t *Tickets) UnmarshalJSON(b []byte) error {
	var keys []ticketKey
	if err := json.Unmarshal(b, &keys); err != nil {
		return fmt.Errorf("read the keys of session tickets: %w", err)
	}
	for _, k := range keys {
		if len(k.Key) != 32 {
			return fmt.Errorf("read the keys of session tickets: one has %d bytes, not 32", len(k.Key))
		}
	}
	if len(keys) == 0 || len(keys) > ticketKeys {
		return fmt.Errorf("read the keys of session tickets: there are %d, not 1 to %d", len(keys), ticketKeys)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = keys
	t.set()
	return nil
}
