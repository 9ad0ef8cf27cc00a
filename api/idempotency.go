package api

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"csph/platform"
)

const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotency-Replayed"
	keyMax            = 255
)

// idempotent gives a POST that carries an Idempotency-Key the answer that the first one with this key got. Keys belong to a
// token and are kept for a day, across restarts. A request that changed nothing gives its key free again.
func (s *Server) idempotent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get(idempotencyHeader)
		if key == "" || r.Method != http.MethodPost || caller(r.Context()).Credential == "" {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.once(w, r, key, next); err != nil {
			s.refuse(w, r, err)
		}
	})
}

// once answers, or returns an error and has not answered.
func (s *Server) once(w http.ResponseWriter, r *http.Request, key string, next http.Handler) error {
	if len(key) > keyMax {
		return fmt.Errorf("%w: an %s has at most %d characters", platform.ErrInvalid, idempotencyHeader, keyMax)
	}
	fingerprint, err := fingerprintOf(r)
	if err != nil {
		return err
	}
	credential := caller(r.Context()).Credential
	before, claimed, err := s.Records.Claim(r.Context(), credential, key, fingerprint)
	switch {
	case err != nil:
		return fmt.Errorf("look up the %s: %w", idempotencyHeader, err)
	case claimed:
		s.answerOnce(w, r, credential, key, next)
		return nil
	case before.Fingerprint != fingerprint:
		return fmt.Errorf("%w: this %s was used for another request; take a new one for each", platform.ErrConflict, idempotencyHeader)
	case before.Status == 0:
		return fmt.Errorf("%w: a request with this %s is under way, or was cut off before its end; see what came of it, then take a new key", platform.ErrConflict, idempotencyHeader)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(before.Status)
	_, _ = w.Write(before.Body) // the client went away: nothing is left to be done
	return nil
}

// fingerprintOf tells the requests of a token apart. Of an upload, which is not read twice, the length counts. The token is the
// key of it, so that whoever reads the records cannot try out which secret a request had set: of the token they have a hash only.
func fingerprintOf(r *http.Request) (string, error) {
	sum := hmac.New(sha256.New, []byte(tokenOf(r)))
	fmt.Fprintf(sum, "%s\n%s\n%s\n", r.Method, r.URL.RequestURI(), r.Header.Get("If-Match"))
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what is no type is no upload
	if kind == "multipart/form-data" {
		io.WriteString(sum, strconv.FormatInt(r.ContentLength, 10))
		return hex.EncodeToString(sum.Sum(nil)), nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return "", fmt.Errorf("%w: read the body: %w", platform.ErrInvalid, err)
	}
	if len(body) > maxBody {
		return "", &http.MaxBytesError{Limit: maxBody}
	}
	sum.Write(body)
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// answerOnce answers and keeps the answer.
func (s *Server) answerOnce(w http.ResponseWriter, r *http.Request, credential, key string, next http.Handler) {
	kept := &keptAnswer{statusWriter: statusWriter{ResponseWriter: w}}
	defer func() { s.keep(r.Context(), credential, key, kept) }() // also after a panic
	next.ServeHTTP(kept, r)
}

// keep writes an answer down, or gives its key free.
func (s *Server) keep(ctx context.Context, credential, key string, kept *keptAnswer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	var err error
	if kept.worthKeeping() {
		err = s.Records.Answered(ctx, credential, key, kept.status, kept.body.Bytes())
	} else {
		err = s.Records.Unclaim(ctx, credential, key)
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "answer to a request with an idempotency key is not kept", "request", requestOf(ctx).id, "err", err)
	}
}

// keptAnswer passes an answer on and remembers it.
type keptAnswer struct {
	statusWriter
	body bytes.Buffer
}

func (k *keptAnswer) Write(b []byte) (int, error) {
	if k.body.Len() <= maxBody {
		k.body.Write(b)
	}
	return k.statusWriter.Write(b)
}

// worthKeeping reports whether the request changed something, and was answered with a document.
func (k *keptAnswer) worthKeeping() bool {
	return k.status >= http.StatusOK && k.status < http.StatusMultipleChoices && k.body.Len() <= maxBody &&
		!strings.HasPrefix(k.Header().Get("Content-Type"), "text/event-stream")
}
