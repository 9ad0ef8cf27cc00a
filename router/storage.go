package router

import "sync"

// Sizes of storage: heads of requests, answers with small bodies, bulk.
const (
	smallStorage = 4 << 10
	largeStorage = 32 << 10
	bulkStorage  = 64 << 10
)

// storage hands out byte arrays of three sizes. A connection takes one when it has bytes to hold.
type storage struct {
	small, large, bulk sync.Pool
}

func newStorage() *storage {
	return &storage{
		small: sync.Pool{New: func() any { return new([smallStorage]byte) }},
		large: sync.Pool{New: func() any { return new([largeStorage]byte) }},
		bulk:  sync.Pool{New: func() any { return new([bulkStorage]byte) }},
	}
}

// take returns storage of at least n bytes; above bulkStorage it is not pooled.
func (s *storage) take(n int) []byte {
	switch {
	case n <= smallStorage:
		return s.small.Get().(*[smallStorage]byte)[:]
	case n <= largeStorage:
		return s.large.Get().(*[largeStorage]byte)[:]
	case n <= bulkStorage:
		return s.bulk.Get().(*[bulkStorage]byte)[:]
	}
	return make([]byte, n)
}

// give takes b back. Nobody may use it afterwards.
func (s *storage) give(b []byte) {
	switch cap(b) {
	case smallStorage:
		s.small.Put((*[smallStorage]byte)(b[:smallStorage]))
	case largeStorage:
		s.large.Put((*[largeStorage]byte)(b[:largeStorage]))
	case bulkStorage:
		s.bulk.Put((*[bulkStorage]byte)(b[:bulkStorage]))
	}
}

// append appends b to out; where out is too small it is moved to larger storage.
func (s *storage) append(out, b []byte) []byte {
	if len(out)+len(b) > cap(out) {
		larger := append(s.take(len(out) + len(b))[:0], out...)
		s.give(out)
		out = larger
	}
	return append(out, b...)
}
