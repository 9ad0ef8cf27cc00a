package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"

	"golang.org/x/net/http2"

	"csph/router/h1"
)

// errDial is the error of a request that could not even be sent.
var errDial = errors.New("cannot connect")

// newGRPC returns what speaks HTTP/2 without TLS to t. gRPC cannot be carried over HTTP/1.1, so its
// targets are taken to know HTTP/2 beforehand (RFC 9113 section 3.3).
func (r *Router) newGRPC(t *target) *http2.Transport {
	return &http2.Transport{
		AllowHTTP: true, DisableCompression: true,
		ReadIdleTimeout: pingAfter, PingTimeout: r.limits.HeadTimeout, IdleConnTimeout: r.limits.PoolTimeout,
		DialTLSContext: func(ctx context.Context, _, _ string, _ *tls.Config) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, r.limits.DialTimeout)
			defer cancel()
			conn, err := r.dialer.DialContext(ctx, "tcp", t.addr.String())
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errDial, err)
			}
			return conn, nil
		},
	}
}

// grpc returns the target's transport, made at the first call.
func (t *target) grpc(r *Router) *http2.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rpc == nil {
		t.rpc = r.newGRPC(t)
	}
	return t.rpc
}

// serveGRPC answers the call in the session's lane: like any other request, but over HTTP/2 all the way.
func (s *session) serveGRPC() {
	header := s.grpcHeader()
	var failed [tries]*target
	p := absent(s.route.options.Absence)
	for i := range tries {
		t := s.choose(failed[:i])
		if t == nil {
			break
		}
		s.target = t
		done, why := s.offerCall(t, header)
		if done {
			return
		}
		failed[i], p = t, why
	}
	s.answer(p)
}

// grpcHeader returns the fields for the target: those of any request, which out holds.
func (s *session) grpcHeader() http.Header {
	var head h1.Request
	if err := head.Parse(s.out, 2*s.r.limits.HeaderCount); err != nil {
		panic("router: a head of its own is refused: " + err.Error())
	}
	header := http.Header{}
	for i := range head.Fields {
		f := &head.Fields[i]
		switch f.Kind {
		case h1.Host, h1.Connection, h1.TransferEncoding, h1.ContentLength, h1.Expect:
		default:
			header.Add(string(head.Name(f)), string(head.Value(f)))
		}
	}
	return header
}

// offerCall is offer for a call; t was counted in.
func (s *session) offerCall(t *target, header http.Header) (done bool, why page) {
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	u := &upstream{target: t}
	bye := func() { cancel() }
	u.bye.Store(&bye)
	t.join(u)
	s.stream = false
	defer func() {
		t.leave(u)
		t.release(s.stream)
	}()
	var sent atomic.Int64
	defer func() { s.bytesIn = sent.Load() }()
	resp, err := t.grpc(s.r).RoundTrip(s.call(ctx, header, &sent))
	if err != nil {
		return s.callFailed(u, err)
	}
	defer resp.Body.Close()
	t.answered()
	s.becomeStream(u)
	s.passCall(u, resp)
	return true, page{}
}

// call is the request for the target.
func (s *session) call(ctx context.Context, header http.Header, sent *atomic.Int64) *http.Request {
	in := s.lane.Request()
	out := &http.Request{
		Method: in.Method, Host: in.Host, Header: header, ContentLength: in.ContentLength,
		URL:  &url.URL{Scheme: "http", Host: s.target.addr.String(), Path: in.URL.Path, RawPath: in.URL.RawPath, RawQuery: in.URL.RawQuery},
		Body: &counted{ReadCloser: in.Body, n: sent},
	}
	return out.WithContext(ctx)
}

// callFailed tells whether another target may be tried.
func (s *session) callFailed(u *upstream, err error) (done bool, why page) {
	switch {
	case s.life.Err() != nil:
		s.status = statusGone
		return true, page{}
	case errors.Is(err, errDial):
		u.target.failed(s.r.watch.clock.Load())
		return false, pageUnreachable()
	case u.cut.Load():
		s.answer(page504())
		return true, page{}
	}
	s.logFailure(u, err)
	s.answer(page502())
	return true, page{}
}

// passCall passes the target's answer on as it comes.
func (s *session) passCall(u *upstream, resp *http.Response) {
	s.status = resp.StatusCode
	w := s.lane.Take()
	header := w.Header()
	for name, values := range resp.Header {
		if name != "Trailer" {
			header[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	space := s.r.storage.take(largeStorage)
	defer s.r.storage.give(space)
	n, err := io.CopyBuffer(flushing{w}, struct{ io.Reader }{resp.Body}, space)
	s.bytesOut = n
	if err != nil {
		if s.life.Err() == nil && !u.cut.Load() {
			s.logFailure(u, err)
		}
		return // the lane is not whole: the stream is reset
	}
	for name, values := range resp.Trailer {
		header[http.TrailerPrefix+name] = values
	}
	s.lane.Finish()
}

// flushing sends what is written at once.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}

// counted counts the bytes read.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n.Add(int64(n))
	return n, err
}
