// Package dnstest owns a small real DNS server for tests: zones in memory, answered by UDP and TCP, and
// changed by RFC 2136 updates that carry a TSIG signature. It refuses to be used outside of tests.
package dnstest

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Server answers for every zone it was given. It is safe for concurrent use.
type Server struct {
	Addr netip.AddrPort
	// Key is the name of the TSIG key (hmac-sha256) whose updates are taken; Secret is its base64 form.
	Key, Secret string

	mu      sync.Mutex
	records []dns.RR
	fails   map[string]bool
	updates int
}

// Start serves at address (port 0: any) until the test ends.
func Start(t testing.TB, address string) *Server {
	t.Helper()
	s := &Server{Key: "csph.", Secret: "c2VjcmV0IG9mIHRoZSB0ZXN0IHNlcnZlcg==", fails: map[string]bool{}}
	packets, streams, err := listen(address)
	for i := 0; err != nil && i < 20; i++ { // a port that is free for UDP may be taken for TCP
		packets, streams, err = listen(address)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = packets.LocalAddr().(*net.UDPAddr).AddrPort()
	s.serve(t, &dns.Server{PacketConn: packets})
	s.serve(t, &dns.Server{Listener: streams})
	return s
}

// listen takes one port for both protocols.
func listen(address string) (net.PacketConn, net.Listener, error) {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, nil, err
	}
	streams, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		_ = packets.Close()
		return nil, nil, err
	}
	return packets, streams, nil
}

func (s *Server) serve(t testing.TB, server *dns.Server) {
	server.Handler = dns.HandlerFunc(s.answer)
	server.TsigSecret = map[string]string{s.Key: s.Secret}
	server.MsgAcceptFunc = func(h dns.Header) dns.MsgAcceptAction {
		if opcode := int(h.Bits>>11) & 0xf; opcode == dns.OpcodeUpdate {
			return dns.MsgAccept
		}
		return dns.DefaultMsgAcceptFunc(h)
	}
	up := make(chan struct{})
	server.NotifyStartedFunc = func() { close(up) }
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	<-up
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-ended
	})
}

// Add puts records of zone file form in, such as "www.example.test. 60 IN A 127.0.0.1".
func (s *Server) Add(t testing.TB, records ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		s.records = append(s.records, rr)
	}
}

// Remove takes every record of a name out.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = slices.DeleteFunc(s.records, func(rr dns.RR) bool { return rr.Header().Name == dns.Fqdn(name) })
}

// Fail makes the server answer SERVFAIL for a name, or not.
func (s *Server) Fail(name string, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[dns.Fqdn(name)] = fails
}

// Updates counts the updates that were taken.
func (s *Server) Updates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates
}

// Count counts the records of a name and type.
func (s *Server) Count(name string, kind uint16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.find(dns.Fqdn(name), kind))
}

func (s *Server) answer(w dns.ResponseWriter, q *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(q)
	if q.Opcode == dns.OpcodeUpdate {
		s.update(w, q, reply)
	} else {
		s.query(q, reply)
	}
	_ = w.WriteMsg(reply) // the client has gone
}

func (s *Server) query(q, reply *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, kind := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
	if s.fails[name] {
		reply.Rcode = dns.RcodeServerFailure
		return
	}
	reply.Authoritative = true
	for range 8 {
		found := s.find(name, kind)
		alias := s.find(name, dns.TypeCNAME)
		reply.Answer = append(reply.Answer, found...)
		if len(found) > 0 || len(alias) == 0 {
			break
		}
		reply.Answer = append(reply.Answer, alias...)
		name = alias[0].(*dns.CNAME).Target
	}
	if len(reply.Answer) == 0 && !s.known(name) {
		reply.Rcode = dns.RcodeNameError
	}
}

// find returns the records of a name, or of the wildcard above it.
func (s *Server) find(name string, kind uint16) (all []dns.RR) {
	for _, at := range []string{name, "*" + name[max(strings.Index(name, "."), 0):]} {
		for _, rr := range s.records {
			if strings.EqualFold(rr.Header().Name, at) && rr.Header().Rrtype == kind {
				all = append(all, rr)
			}
		}
		if len(all) > 0 {
			break
		}
	}
	return all
}

func (s *Server) known(name string) bool {
	return slices.ContainsFunc(s.records, func(rr dns.RR) bool {
		return dns.IsSubDomain(name, rr.Header().Name)
	})
}

// update carries out a signed update: additions and deletions of RFC 2136 section 2.5.
func (s *Server) update(w dns.ResponseWriter, q, reply *dns.Msg) {
	if q.IsTsig() == nil || w.TsigStatus() != nil {
		reply.Rcode = dns.RcodeNotAuth
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updates++
	for _, rr := range q.Ns {
		h := rr.Header()
		switch h.Class {
		case dns.ClassINET:
			s.records = append(s.records, rr)
		case dns.ClassANY:
			s.records = slices.DeleteFunc(s.records, func(x dns.RR) bool {
				return x.Header().Name == h.Name && (h.Rrtype == dns.TypeANY || x.Header().Rrtype == h.Rrtype)
			})
		case dns.ClassNONE:
			gone := dns.Copy(rr)
			gone.Header().Class = dns.ClassINET
			s.records = slices.DeleteFunc(s.records, func(x dns.RR) bool { return dns.IsDuplicate(x, gone) })
		}
	}
	tsig := q.IsTsig()
	reply.SetTsig(tsig.Hdr.Name, tsig.Algorithm, 300, int64(tsig.TimeSigned))
}
