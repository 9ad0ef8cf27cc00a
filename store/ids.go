package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"go.jetify.com/typeid/v2"
)

// ids makes TypeIDs whose UUIDv7s strictly grow: 48 bits of milliseconds, then a 12-bit counter that
// starts anew each millisecond and, when used up, runs the clock ahead (RFC 9562 section 6.2, method 1),
// then 62 random bits. A clock that is set back does not make them smaller.
type ids struct {
	mu      sync.Mutex
	clock   func() time.Time
	milli   int64
	counter uint16
}

const counterMax = 1<<12 - 1

func newIDs() *ids { return &ids{clock: time.Now} }

// next returns a new id, larger than every id returned before.
func (s *ids) next(prefix string) (string, error) {
	milli, counter := s.tick()
	var u [16]byte
	binary.BigEndian.PutUint64(u[:8], uint64(milli)<<16|7<<12|uint64(counter))
	if _, err := rand.Read(u[8:]); err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	u[8] = u[8]&0x3f | 0x80
	id, err := typeid.FromBytes(prefix, u[:])
	if err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	return id.String(), nil
}

func (s *ids) tick() (int64, uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch t := s.clock().UnixMilli(); {
	case t > s.milli:
		s.milli, s.counter = t, 0
	case s.counter < counterMax:
		s.counter++
	default:
		s.milli, s.counter = s.milli+1, 0
	}
	return s.milli, s.counter
}

// after makes all ids from now on larger than id.
func (s *ids) after(id string) error {
	parsed, err := typeid.Parse(id)
	if err != nil {
		return fmt.Errorf("read id %s: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if milli := int64(binary.BigEndian.Uint64(parsed.Bytes()) >> 16); milli >= s.milli {
		s.milli, s.counter = milli, counterMax
	}
	return nil
}

// continueIDs makes new deployments sort after those stored, should the clock have been set back.
func (db *DB) continueIDs(ctx context.Context) error {
	newest, err := list(ctx, db.writer, scanText, "SELECT id FROM deployments ORDER BY id DESC LIMIT 1")
	if err != nil {
		return fmt.Errorf("read the newest id: %w", err)
	}
	if len(newest) == 0 {
		return nil
	}
	return db.ids.after(newest[0])
}

func scanText(r row) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}
