package api_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"csph/api/tarball"
	"csph/api/wire"
	"csph/platform"
)

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// pack is an archive of contents, or, naming, of files that name them.
func pack(t *testing.T, headers map[string]*tar.Header, carried string) func(io.Writer) error {
	return func(w io.Writer) error {
		z := gzip.NewWriter(w)
		archive := tar.NewWriter(z)
		for name, h := range headers {
			h.Name, h.Mode, h.Typeflag = name, 0o644, tar.TypeReg
			if err := archive.WriteHeader(h); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, carried[:h.Size]); err != nil {
				return err
			}
		}
		return errors.Join(archive.Close(), z.Close())
	}
}

func TestOnlyMissingContentsAreSent(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	const content = "package main"
	missing, err := w.MissingContents(t.Context(), "web", []string{digest(content), digest("large")})
	if err != nil || len(missing) != 2 {
		t.Fatalf("%+v, %v", missing, err)
	}
	manifest := pack(t, map[string]*tar.Header{"main.go": {PAXRecords: map[string]string{tarball.ContentRecord: digest(content)}}}, "")
	_, err = w.Upload(t.Context(), "web", wire.NewDeployment{}, manifest)
	if p := problem(t, err); p.Code != wire.CodeConflict || p.Hint == "" {
		t.Errorf("a deployment of what is missing: %+v", p)
	}
	var b bytes.Buffer
	if err := pack(t, map[string]*tar.Header{digest(content): {Size: int64(len(content))}}, content)(&b); err != nil {
		t.Fatal(err)
	}
	if kept, err := w.SendContents(t.Context(), "web", &b); err != nil || kept.Files != 1 || kept.Bytes != int64(len(content)) {
		t.Fatalf("%+v, %v", kept, err)
	}
	if at, err := w.SendContent(t.Context(), "web", digest("large"), 0, 5, strings.NewReader("lar")); err != nil || at.Received != 3 {
		t.Fatalf("%+v, %v", at, err)
	}
	missing, err = w.MissingContents(t.Context(), "web", []string{digest(content), digest("large")})
	if err != nil || len(missing) != 1 || missing[0].Received != 3 {
		t.Fatalf("%+v, %v", missing, err)
	}
	if at, err := w.SendContent(t.Context(), "web", digest("large"), 3, 5, strings.NewReader("ge")); err != nil || at.Received != 5 {
		t.Fatalf("%+v, %v", at, err)
	}
	d, err := w.Upload(t.Context(), "web", wire.NewDeployment{}, manifest)
	if err != nil {
		t.Fatal(err)
	}
	if d = w.Deployer.Settled(t, d.ID); d.Status != platform.Live || !slices.Equal(w.Deployer.Files(), []string{"main.go"}) {
		t.Errorf("%s of %v", d.Status, w.Deployer.Files())
	}
}

func TestContentsOfAnotherAccountAreNotToldOf(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	other := w.foreigner(t)
	if _, err := other.MissingContents(t.Context(), "web", []string{digest("x")}); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("another account's service: %v", err)
	}
	if _, err := w.SendContent(t.Context(), "web", digest("x"), 0, 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := other.CreateService(t.Context(), wire.NewService{Name: "own"}); err != nil {
		t.Fatal(err)
	}
	missing, err := other.MissingContents(t.Context(), "own", []string{digest("x")})
	if err != nil || len(missing) != 1 {
		t.Errorf("of a service of one's own: %+v, %v", missing, err)
	}
}
