package router

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"

	"csph/router/h1"
)

// Options are what a service sets for itself. The zero value is the default.
type Options struct {
	// BodyBytes bounds the body of a request; more is refused with 413. 0 is Limits.BodyBytes, a
	// negative number no limit. Calls of gRPC and upgraded connections are not bounded.
	BodyBytes int64
	// Sticky has a client go on with the target that answered it first, for as long as that serves. It
	// is known by a cookie for the browser's session.
	Sticky bool
	// AccessEvery is Config.AccessLogEvery for this service; 0 leaves it at that.
	AccessEvery int
	// Absence is why the service has no target, when it has none.
	Absence Absence
}

// Absence is why nothing of a service serves, as clients are told.
type Absence uint8

// The reasons.
const (
	NotLive   Absence = iota // nothing more is known
	Starting                 // a version is about to serve
	Failing                  // every spherelet has failed
	Suspended                // the owner has stopped it
)

// Configure sets the options of a service from the next request on, whether it has a route already or
// gets one later. Remove forgets them. It does not block.
func (r *Router) Configure(service string, o Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options[service] = o
	now := r.table.Load()
	old := now.route(service)
	if old == nil {
		return
	}
	changed := *old
	changed.options = o
	next, err := now.with(&changed)
	if err != nil {
		panic("router: a route with other options has a conflict that it did not have before: " + err.Error())
	}
	r.table.Store(next)
}

// bodyLimit returns how long the body of a request may be.
func (s *session) bodyLimit() int64 {
	switch n := s.route.options.BodyBytes; {
	case n < 0:
		return maxBody
	case n > 0:
		return n
	}
	return s.r.limits.BodyBytes
}

// maxBody is more than any body can be.
const maxBody = 1 << 62

// bodyTooLarge is the refusal of a body beyond limit.
func bodyTooLarge(limit int64) *h1.Error {
	return &h1.Error{Status: http.StatusRequestEntityTooLarge, Reason: fmt.Sprintf("the body is larger than the %d bytes that this service takes", limit)}
}

// stickyCookie is the cookie that names a target.
const stickyCookie = "csph_target"

// stickyName is what the cookie calls a target: nothing that tells its address.
func (r *Router) stickyName(addr netip.AddrPort) string {
	mac := hmac.New(sha256.New, r.stickyKey)
	_, _ = mac.Write([]byte(addr.String()))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// stuck returns the target that the client's cookie names, if it can take the request.
func (s *session) stuck(route *route, failed []*target) *target {
	if len(s.sticky) == 0 || len(failed) > 0 {
		return nil
	}
	for _, t := range route.targets {
		if t.sticky == string(s.sticky) && !t.aside(s.r.watch.clock.Load()) {
			return t
		}
	}
	return nil
}

// appendSticky names the target that answers, where the client's cookie does not.
func (s *session) appendSticky(b []byte) []byte {
	if !s.route.options.Sticky || s.target.sticky == string(s.sticky) {
		return b
	}
	b = append(b, "Set-Cookie: "+stickyCookie+"="...)
	b = append(b, s.target.sticky...)
	b = append(b, "; Path=/; HttpOnly; SameSite=Lax"...)
	if s.secure {
		b = append(b, "; Secure"...)
	}
	return append(b, "\r\n"...)
}
