package api

import (
	"bytes"
	"errors"
	"mime/multipart"
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
