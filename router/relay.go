package router

import (
	"io"
	"strconv"
	"time"

	"csph/router/h1"
)

// relay copies one body from src to dst as it arrives. What fails is told apart: the client's going
// is not the target's fault.
type relay struct {
	src, dst *socket
	limits   *Limits
	pipes    *pipes        // for what the kernel can move by itself
	idle     time.Duration // without a byte from src
	chunked  bool          // dst gets the chunked coding
	most     int64         // bytes of a body whose length was not told; 0: no limit
	trailers h1.Kinds      // trailers that are passed on
	progress func()        // called after each write; may be nil

	out       []byte // written next: first of all the head, so that a small answer takes one write
	n         int64  // bytes of body passed on
	dstFailed bool
}

// copy copies a body with the given framing.
func (r *relay) copy(framing h1.Framing, length int64) error {
	switch framing {
	case h1.Sized:
		return r.sized(length)
	case h1.Chunked:
		return r.chunks()
	case h1.UntilClose:
		return r.untilClose()
	}
	return r.flush()
}

func (r *relay) flush() error {
	if len(r.out) == 0 {
		return nil
	}
	err := r.send(r.out)
	r.out = r.out[:0]
	return err
}

func (r *relay) send(b []byte) error {
	if err := r.dst.send(b, r.limits.BodyTimeout); err != nil {
		r.dstFailed = true
		return err
	}
	if r.progress != nil {
		r.progress()
	}
	return nil
}

// together is the largest sized body whose head waits for its first bytes, so that both take one write
// although the target sent them in two.
const together = 16 << 10

// bytes returns what src has to offer, after a wait if need be; before that, out is written unless hold.
func (r *relay) bytes(hold bool) ([]byte, error) {
	if b := r.src.unread(); len(b) > 0 {
		return b, nil
	}
	if !hold {
		if err := r.flush(); err != nil {
			return nil, err
		}
	}
	if err := r.src.fill(r.idle, bulkStorage); err != nil {
		return nil, err
	}
	return r.src.unread(), nil
}

func (r *relay) sized(left int64) error {
	hold := left <= together
	for left > 0 {
		if r.canSplice(left) {
			err := r.flush()
			if err == nil {
				r.src.want = smallStorage // the next body may be as large: little of it should come with its head
				err = r.splice(left)
			}
			if err != errNoSplice {
				return err
			}
			r.pipes = nil
		}
		r.src.want = largeStorage
		if left > largeStorage {
			r.src.want = bulkStorage
		}
		b, err := r.bytes(hold)
		if err != nil {
			return cutShort(err)
		}
		b = b[:min(int64(len(b)), left)]
		if err := r.pass(b); err != nil {
			return err
		}
		r.src.consume(len(b))
		left -= int64(len(b))
	}
	return r.flush()
}

// pass writes b, together with what waits in out.
func (r *relay) pass(b []byte) error {
	r.n += int64(len(b))
	if len(r.out) == 0 {
		return r.send(b)
	}
	r.out = r.src.storage.append(r.out, b)
	return r.flush()
}

func (r *relay) chunks() error {
	r.src.want = largeStorage
	var c h1.Chunks
	for !c.Ended() {
		b, err := r.bytes(false)
		if err != nil {
			return cutShort(err)
		}
		framing, data, err := c.Next(b)
		if err != nil {
			return err
		}
		if err := r.add(b[framing : framing+data]); err != nil {
			return err
		}
		r.src.consume(framing + data)
	}
	return r.end()
}

// add puts a run of data into out, and writes out when it is large.
func (r *relay) add(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	r.n += int64(len(data))
	if r.most > 0 && r.n > r.most {
		return bodyTooLarge(r.most)
	}
	if r.chunked {
		var size [24]byte
		r.out = r.src.storage.append(r.out, append(strconv.AppendInt(size[:0], int64(len(data)), 16), '\r', '\n'))
	}
	r.out = r.src.storage.append(r.out, data)
	if r.chunked {
		r.out = r.src.storage.append(r.out, []byte("\r\n"))
	}
	if len(r.out) >= largeStorage {
		return r.flush()
	}
	return nil
}

// end reads the trailer section and writes what ends the body.
func (r *relay) end() error {
	scan := h1.Scan{Trailers: true}
	for {
		n, err := scan.End(r.src.unread())
		if err != nil {
			return h1.ErrTrailer
		}
		if n > 0 {
			return r.endWith(n)
		}
		if err := r.flush(); err != nil {
			return err
		}
		if err := r.src.fill(r.idle, r.limits.HeaderBytes); err != nil {
			return cutShort(err)
		}
	}
}

func (r *relay) endWith(section int) error {
	var t h1.Trailers
	if err := t.Parse(r.src.unread()[:section], r.limits.HeaderCount); err != nil {
		return err
	}
	if r.chunked {
		r.out = append(r.out, "0\r\n"...)
		r.out = t.AppendLines(r.out, r.trailers)
		r.out = append(r.out, "\r\n"...)
	}
	r.src.consume(section)
	return r.flush()
}

func (r *relay) untilClose() error {
	for {
		b, err := r.bytes(false)
		if err == io.EOF && !r.dstFailed {
			break
		}
		if err != nil {
			return err
		}
		if err := r.add(b); err != nil {
			return err
		}
		r.src.consume(len(b))
	}
	if r.chunked {
		r.out = append(r.out, "0\r\n\r\n"...)
	}
	return r.flush()
}

// cutShort names the end of a stream inside a body.
func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
