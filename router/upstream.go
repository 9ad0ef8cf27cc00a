package router

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// upstream is a connection to a target.
type upstream struct {
	socket
	target *target
	shard  uint32
	place  int         // in the target's busy, counted from 1; 0: not there. The target's lock guards it
	reused bool        // has carried a request before
	stream atomic.Bool // carries a websocket or a stream
	cut    atomic.Bool // closed by Drain
	// bye, when set, is called instead of closing when the stream is cut.
	bye atomic.Pointer[func()]
}

// dial connects to t, for DialTimeout at most.
func (r *Router) dial(t *target) (*upstream, error) {
	ctx, cancel := context.WithTimeout(t.life, r.limits.DialTimeout)
	defer cancel()
	conn, err := r.dialer.DialContext(ctx, "tcp", t.addr.String())
	if err != nil {
		return nil, err
	}
	u := &upstream{target: t}
	u.open(conn, r.storage, r.watch, largeStorage)
	u.shard = r.watch.add(u)
	t.join(u)
	return u, nil
}

// keepUpstream keeps u for the next request of its target. It is another's from then on.
func (r *Router) keepUpstream(u *upstream) {
	u.reused = true
	u.release()
	if !u.target.give(u, r.watch.after(r.limits.PoolTimeout), r.limits.PoolSize) {
		u.close()
	}
}

// close ends the connection for good.
func (u *upstream) close() {
	u.watch.remove(u, u.shard)
	u.target.leave(u)
	_ = u.conn.Close()
	u.release()
}

// expire implements watched: an idle connection is closed when its time is over, waits of a busy one end.
func (u *upstream) expire(now int64) bool {
	if at := u.readBy.at.Load(); at > 0 && at <= now && u.target.dropIdle(u) {
		_ = u.conn.Close()
		return true
	}
	u.socket.expire(now)
	return false
}

// end cuts a connection that is in use; whoever uses it sees an error.
func (u *upstream) end() {
	u.cut.Store(true)
	if bye := u.bye.Load(); bye != nil {
		(*bye)()
		return
	}
	_ = u.conn.Close()
}

func newDialer() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4}}
}
