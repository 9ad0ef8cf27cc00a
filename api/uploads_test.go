package api_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"csph/api/wire"
	"csph/platform"
)

// packed is a gzipped tar with files of the given names, their names as content.
func packed(t *testing.T, names ...string) func(io.Writer) error {
	return func(w io.Writer) error {
		z := gzip.NewWriter(w)
		archive := tar.NewWriter(z)
		for _, name := range names {
			h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(name)), Typeflag: tar.TypeReg}
			if err := archive.WriteHeader(h); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, name); err != nil {
				return err
			}
		}
		return errors.Join(archive.Close(), z.Close())
	}
}

// left lists the folders of uploads that are still there.
func (w world) left(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(w.Dir, "sources", "*", "upload-*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnUploadIsDeployedAndThenRemoved(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	count := 2
	d, err := w.Upload(t.Context(), "web", wire.NewDeployment{Change: wire.ConfigChange{Count: &count}}, packed(t, "go.mod", "main.go"))
	if err != nil || d.Source.Kind != platform.FromTarball || !strings.HasPrefix(d.Source.Revision, "sha256:") {
		t.Fatalf("%+v, %v", d, err)
	}
	if d = w.Deployer.Settled(t, d.ID); d.Status != platform.Live || d.Config.Count != 2 {
		t.Errorf("%+v", d)
	}
	if got := w.Deployer.Files(); !slices.Equal(got, []string{"go.mod", "main.go"}) {
		t.Errorf("files %v", got)
	}
	if left := w.left(t); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestUploadsOverALimitAreRefusedAndLeaveNothing(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for name, pack := range map[string]func(io.Writer) error{
		"too many bytes": func(w io.Writer) error { return single(w, noise) },
		"a bomb":         func(w io.Writer) error { return single(w, make([]byte, 8<<20)) },
		"too many files": packed(t, strings.Split(strings.Repeat("x,", 1200), ",")[:1200]...),
	} {
		_, err := w.Upload(t.Context(), "web", wire.NewDeployment{}, pack)
		if p := problem(t, err); p.Code != wire.CodeTooLarge && name != "too many files" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if left := w.left(t); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func single(w io.Writer, content []byte) error {
	z := gzip.NewWriter(w)
	archive := tar.NewWriter(z)
	if err := archive.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return errors.Join(err, archive.Close(), z.Close())
}

func TestUploadsOfAnotherFormAreRefused(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	form := func(parts ...string) (string, io.Reader) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for i := 0; i+1 < len(parts); i += 2 {
			f, err := m.CreateFormField(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(f, parts[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		return m.FormDataContentType(), &b
	}
	for name, parts := range map[string][]string{
		"nothing":             {},
		"no source":           {"request", "{}"},
		"source first":        {"source", "x", "request", "{}"},
		"no JSON":             {"request", "{", "source", "x"},
		"unknown field":       {"request", `{"imgae":"x"}`, "source", "x"},
		"an image as well":    {"request", `{"image":"x"}`, "source", "x", "either"},
		"a repository, too":   {"request", `{"repo":"https://example.com/a/b"}`, "source", "x", "either"},
		"a branch":            {"request", `{"branch":"main"}`, "source", "x", "either"},
		"a fetch":             {"request", `{"fetch":true}`, "source", "x", "either"},
		"no archive":          {"request", "{}", "source", "hello"},
		"an empty archive":    {"request", "{}", "source", ""},
		"a request too large": {"request", strings.Repeat(" ", 2<<20), "source", "x"},
	} {
		kind, body := form(parts...)
		answer, text := w.request(t, http.MethodPost, "/v1/services/web/uploads", w.Token, body, "Content-Type", kind)
		if answer.StatusCode/100 != 4 || !bytes.Contains(text, []byte(`"detail"`)) {
			t.Errorf("%s: %d %s", name, answer.StatusCode, text)
		}
		if len(parts)%2 == 1 && !bytes.Contains(text, []byte(parts[len(parts)-1])) { // what the answer says of it
			t.Errorf("%s: %s", name, text)
		}
	}
	answer, _ := w.request(t, http.MethodPost, "/v1/services/web/uploads", w.Token, strings.NewReader("x"), "Content-Type", "application/gzip")
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("no form: %s", answer.Status)
	}
}

func TestAnUploadThatIsCutShortLeavesNothing(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	broken := errors.New("the disk of the client broke")
	_, err := w.Upload(t.Context(), "web", wire.NewDeployment{}, func(to io.Writer) error {
		if err := packed(t, "go.mod")(io.MultiWriter(to)); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	all, err := w.Deployments(t.Context(), "web", 10)
	if err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "sources")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
