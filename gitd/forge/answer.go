package forge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refused is an answer that is no success.
func (t *telling) refused(answer *http.Response, body []byte) error {
	e := &RefusedError{Host: t.site.api.Host, Status: answer.StatusCode, Reason: reasonIn(body)}
	limited := answer.Header.Get("X-RateLimit-Remaining") == "0" || answer.Header.Get("Retry-After") != ""
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusForbidden && limited:
		e.Later, e.After = true, after(answer.Header, time.Now())
	case e.Status == http.StatusRequestTimeout, e.Status >= 500:
		e.Later, e.After = true, after(answer.Header, time.Now())
	}
	return e
}

const longestWait = time.Hour

// after is how long a host asks to be left alone (RFC 9110 section 10.2.3, and what GitHub and GitLab say of their limits).
func after(h http.Header, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		wait = at.Sub(now)
	} else {
		for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
			if unix, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil && wait == 0 {
				wait = time.Unix(unix, 0).Sub(now)
			}
		}
	}
	return max(0, min(wait, longestWait))
}

const longestReason = 200

// reasonIn is what an answer says in words, in whichever of the usual forms.
func reasonIn(body []byte) string {
	var said struct {
		Message any    `json:"message"`
		Error   any    `json:"error"`
		Detail  string `json:"detail"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	for _, one := range []any{said.Message, said.Error} {
		switch v := one.(type) {
		case string:
			return firstLine(v)
		case map[string]any:
			if text, ok := v["message"].(string); ok {
				return firstLine(text)
			}
		}
	}
	for _, one := range said.Errors {
		if one.Message != "" {
			return firstLine(one.Message)
		}
	}
	return firstLine(said.Detail)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return cut(line, longestReason)
}

// read decodes an answer, numbers as they are written.
func read(body []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return v, nil
}

// at is what a decoded answer has at path; nil when it has nothing there. A number in the path is a place in a list.
func at(v any, path ...string) any {
	for _, name := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// text is a number or a text; "" when v is neither.
func text(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return ""
}

// handleIn takes the value at path, a number or a text, out of an answer.
func handleIn(body []byte, path []string) (string, error) {
	if path == nil {
		return "", nil
	}
	v, err := read(body)
	if err != nil {
		return "", err
	}
	handle := text(at(v, path...))
	if handle == "" {
		return "", fmt.Errorf("read the answer: it has no %s", strings.Join(path, "."))
	}
	return handle, nil
}
