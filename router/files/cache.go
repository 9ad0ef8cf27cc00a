package files

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"
)

// What a site keeps in memory: bytes of bodies in codings, and tags of files.
const (
	keptBytes = 32 << 20
	keptTags  = 10_000
)

// cache keeps what was computed from files, most recently used first.
type cache struct {
	mu     sync.Mutex
	tags   map[string]tagged // by name
	bodies map[string]*list.Element
	order  *list.List // of *codedBody
	bytes  int
	making map[string]*making
}

// tagged is the tag of a file as it was at a time.
type tagged struct {
	size int64
	time time.Time
	tag  string
}

type codedBody struct {
	key  string
	body []byte
}

// making is a body that somebody is computing; the others wait for it.
type making struct {
	done chan struct{}
	body []byte
	err  error
}

func newCache() *cache {
	return &cache{tags: map[string]tagged{}, bodies: map[string]*list.Element{}, order: list.New(), making: map[string]*making{}}
}

// largestRead is the size up to which the whole of a file is hashed for its tag; of larger ones the ends are, with
// their size and time: to read a film would keep its first viewer waiting.
const largestRead = 64 << 20

// tag returns what the file's content is known by: a hash, so that sites whose files all carry the same
// time, as those from images do, cannot be confused. The file is read at the first call.
func (c *cache) tag(f *file) (string, error) {
	c.mu.Lock()
	t, ok := c.tags[f.name]
	c.mu.Unlock()
	if ok && t.size == f.info.Size() && t.time.Equal(f.info.ModTime()) {
		return t.tag, nil
	}
	hash, err := contentHash(f)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.name, err)
	}
	t = tagged{f.info.Size(), f.info.ModTime(), hash}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tags) >= keptTags {
		clear(c.tags)
	}
	c.tags[f.name] = t
	return t.tag, nil
}

func contentHash(f *file) (string, error) {
	sum, size := sha256.New(), f.info.Size()
	parts := []*io.SectionReader{io.NewSectionReader(f, 0, size)}
	if size > largestRead {
		fmt.Fprint(sum, size, f.info.ModTime().UnixNano())
		parts = []*io.SectionReader{io.NewSectionReader(f, 0, 1<<20), io.NewSectionReader(f, size-1<<20, 1<<20)}
	}
	for _, part := range parts {
		if _, err := io.Copy(sum, part); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// coded returns the file's content in a coding. It is computed once, however many ask at a time.
func (c *cache) coded(f *file, tag string, how coding) ([]byte, error) {
	key := tag + "-" + string(how)
	c.mu.Lock()
	if e, ok := c.bodies[key]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*codedBody).body, nil
	}
	m, busy := c.making[key]
	if !busy {
		m = &making{done: make(chan struct{})}
		c.making[key] = m
	}
	c.mu.Unlock()
	if busy {
		<-m.done
		return m.body, m.err
	}
	m.body, m.err = encode(f, how)
	c.keep(key, m)
	return m.body, m.err
}

// keep ends the making of a body and keeps it, in place of those that were not used for longest.
func (c *cache) keep(key string, m *making) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.making, key)
	close(m.done)
	if m.err != nil || len(m.body) > keptBytes {
		return
	}
	c.bodies[key] = c.order.PushFront(&codedBody{key, m.body})
	c.bytes += len(m.body)
	for c.bytes > keptBytes {
		last := c.order.Remove(c.order.Back()).(*codedBody)
		delete(c.bodies, last.key)
		c.bytes -= len(last.body)
	}
}
