package api

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"csph/platform"
)

// FuzzUploadRequest reads what the fuzzer makes of the first part of an upload.
func FuzzUploadRequest(f *testing.F) {
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"change\":{\"count\":2}}\r\n--x--\r\n"))
	f.Add([]byte("--x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		wanted, err := readRequest(multipart.NewReader(bytes.NewReader(content), "x"))
		if err == nil && wanted.Image != "" {
			t.Errorf("an image in an upload: %+v", wanted)
		}
	})
}

// FuzzLogPosition reads positions in logs.
func FuzzLogPosition(f *testing.F) {
	f.Add("1772366400000000-3")
	f.Fuzz(func(t *testing.T, id string) {
		q, err := Window{LastEventID: id}.query()
		if err != nil && !errors.Is(err, platform.ErrInvalid) || err == nil && id != "" && q.skip < 1 {
			t.Errorf("%q: %+v, %v", id, q, err)
		}
	})
}

func TestAFingerprintIsOneTokensAlone(t *testing.T) {
	of := func(authorization string) string {
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/services/web/secrets"}, Header: http.Header{"Authorization": {authorization}}, Body: io.NopCloser(strings.NewReader(`{"values":{"PIN":"1234"}}`))}
		sum, err := fingerprintOf(r)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if of("Bearer csph_1") != of("bearer csph_1") {
		t.Error("the same request of the same token has two")
	}
	if of("Bearer csph_1") == of("Bearer csph_2") {
		t.Error("who knows a fingerprint can try out what was asked without the token")
	}
}

// FuzzFingerprint tells requests with an Idempotency-Key apart by their body, which is read again afterwards.
func FuzzFingerprint(f *testing.F) {
	f.Add("application/json", `{"name":"web"}`)
	f.Add("multipart/form-data; boundary=x", "--x--")
	f.Add(";;", "")
	f.Fuzz(func(t *testing.T, kind, body string) {
		request := func(body string) *http.Request {
			return &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/services"}, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
		}
		r := request(body)
		one, err := fingerprintOf(r)
		if err != nil {
			t.Fatal(err)
		}
		if left, err := io.ReadAll(r.Body); err != nil || string(left) != body {
			t.Errorf("%q is left of %q, %v", left, body, err)
		}
		if two, err := fingerprintOf(request(body)); err != nil || two != one {
			t.Errorf("the same request is %q and %q, %v", one, two, err)
		}
		if other, err := fingerprintOf(request(body + "x")); err != nil || other == one {
			t.Errorf("another body is the same, %v", err)
		}
	})
}
