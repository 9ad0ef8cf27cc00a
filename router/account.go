package router

import (
	"bytes"
	"math/rand/v2"
	"time"

	"csph/router/h1"
)

// statusGone stands in logs and counts for a client that left before its answer.
const statusGone = 499

// begin starts the account of a request.
func (s *session) begin() {
	s.request = request{start: time.Now()}
	s.requestID, s.from = s.newID(), s.peer
	s.out = s.r.storage.take(smallStorage)[:0]
	e := &s.log
	e.method, e.host, e.path, e.agent = e.method[:0], nil, e.path[:0], e.agent[:0]
}

// noteRequest keeps what the access log needs and the buffers will not.
func (s *session) noteRequest() {
	if id := s.req.Get(h1.RequestID); s.trusted && len(id) > 0 && len(id) <= 128 {
		s.requestID = bytes.Clone(id)
	}
	if s.r.access == nil {
		return
	}
	s.from = s.asker()
	e := &s.log
	e.method, e.host = append(e.method, clip(s.req.Method, 32)...), s.name
	e.path = append(e.path, clip(s.req.Target, 1024)...)
	e.agent = append(e.agent, clip(s.req.Get(h1.UserAgent), 256)...)
}

// end closes the account of a request, unless that goes on as a tunnel.
func (s *session) end() {
	if s.through == nil {
		s.settle()
	}
}

// settle closes the account of a request.
func (s *session) settle() {
	if s.out != nil {
		s.r.storage.give(s.out)
		s.out = nil
	}
	took := time.Since(s.start)
	if s.route != nil {
		s.route.counts.shard(s.number).count(s, took)
	}
	if s.r.access != nil && s.r.access.wants(s.status, s.accessEvery()) {
		s.logRequest(took)
	}
}

// accessEvery is what the service wants of its access log.
func (s *session) accessEvery() int {
	if s.route == nil {
		return 0
	}
	return s.route.options.AccessEvery
}

func (s *session) logRequest(took time.Duration) {
	e := &s.log
	e.start, e.took, e.status, e.in, e.out = s.start, took, s.status, s.bytesIn, s.bytesOut
	e.proto, e.secure = s.proto, s.secure
	e.client, e.requestID, e.service, e.target = s.peerText, s.requestID, "", nil
	if s.from != s.peer {
		e.client = s.from.AppendTo(nil)
	}
	if s.route != nil {
		e.service = s.route.service
	}
	if s.target != nil {
		e.target = s.target.text
	}
	s.r.access.add(e)
}

// newID makes a request id: 128 random bits, in hex.
func (s *session) newID() []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s.id); i += 16 {
		bits := rand.Uint64()
		for k := range 16 {
			s.id[i+k] = hex[bits&15]
			bits >>= 4
		}
	}
	return s.id[:]
}
