package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"csph/platform"
)

// etag names a state of what can be changed (RFC 9110 section 8.8.3).
func etag(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode a %T: %v", v, err)) // our own types: they always can be
	}
	const length = 16
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:length]) + `"`
}

// IfMatch is the condition of a change. It is exported because huma looks for parameters in exported fields only.
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"1000" doc:"Change only what still has this ETag"`
}

// check refuses to change what has become something else (RFC 9110 section 13.1.1). It is called under the
// records' lock, with what is there at that moment.
func (i IfMatch) check(v any) error {
	if i.IfMatch == "" || i.IfMatch == "*" {
		return nil
	}
	now := etag(v)
	for one := range strings.SplitSeq(i.IfMatch, ",") {
		if strings.TrimSpace(one) == now {
			return nil
		}
	}
	return fmt.Errorf("%w: it is no longer what you have read: its ETag is %s now", platform.ErrPrecondition, now)
}

// tagged is a response whose state has a name.
type tagged[T any] struct {
	ETag string `header:"ETag"`
	Body T
}
