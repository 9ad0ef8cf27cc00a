package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csph/source"
	"csph/platform"
)

const (
	// packSize is how many bytes of contents are sent at once: as many are sent again at most when the connection breaks.
	packSize = 8 << 20
	// sendTries is how often sending is begun, and sendPause the time before the second one.
	sendTries = 4
	sendPause = time.Second
)

// parcel is a tree, and the text that says what its files are.
type parcel struct {
	tree     *source.Tree
	manifest *source.Manifest
	text     bytes.Buffer
}

// upload deploys a tree: it says what the files are, and sends the contents that the server lacks.
func (a *app) upload(ctx context.Context, c *client.Client, service string, files *parcel, n wire.NewDeployment) (platform.Deployment, error) {
	began := time.Now()
	u := &uploader{client: c, service: service, tree: files.tree, manifest: files.manifest}
	if err := u.run(ctx, a.note); err != nil {
		return platform.Deployment{}, err
	}
	sent := u.sent + int64(files.text.Len())
	d, err := c.Upload(ctx, service, n, func(w io.Writer) error {
		_, err := w.Write(files.text.Bytes())
		return err
	})
	if err == nil {
		a.note("Uploaded what was not there yet: %d of %d files, %s, in %.1f s", u.files, len(u.manifest.Contents), counter(sent), time.Since(began).Seconds())
	}
	return d, err
}

// uploader sends the contents of a tree that the server lacks.
type uploader struct {
	client   *client.Client
	service  string
	tree     *source.Tree
	manifest *source.Manifest

	lacking map[string]int64 // bytes that the server has already, by SHA-256
	pack    bytes.Buffer
	zipped  *gzip.Writer
	archive *tar.Writer
	packed  int64 // bytes of contents in the pack
	files   int
	sent    int64
}

// run sends until nothing is lacking. A connection that breaks is tried again, from where it broke.
func (u *uploader) run(ctx context.Context, note func(string, ...any)) error {
	for try := 1; ; try++ {
		err := u.look(ctx)
		if err == nil && len(u.lacking) == 0 {
			return nil
		}
		if err == nil {
			err = u.send(ctx)
		}
		var unreachable *client.UnreachableError
		switch {
		case err != nil && (!errors.As(err, &unreachable) || try == sendTries):
			return err
		case try == sendTries:
			return errors.New("files change while they are read; deploy again when they do not")
		case err == nil:
			continue
		}
		note("%v; trying again", err)
		select {
		case <-time.After(time.Duration(try) * sendPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look asks the server what it lacks.
func (u *uploader) look(ctx context.Context) error {
	all := map[string]bool{}
	for _, c := range u.manifest.Contents {
		all[c.Sum] = true
	}
	sums := make([]string, 0, len(all))
	for sum := range all {
		sums = append(sums, sum)
	}
	u.lacking = map[string]int64{}
	for some := range slices.Chunk(sums, client.MaxContents) {
		missing, err := u.client.MissingContents(ctx, u.service, some)
		if err != nil {
			return err
		}
		for _, m := range missing {
			u.lacking[m.SHA256] = m.Received
		}
	}
	return nil
}

// send reads the tree again and sends what is lacking.
func (u *uploader) send(ctx context.Context) error {
	u.open()
	err := u.tree.Each(ctx, u.manifest, u.wanted, func(c source.Content, r io.Reader) error {
		if c.Size > packSize {
			return u.single(ctx, c, r)
		}
		if u.packed+c.Size > packSize {
			if err := u.flush(ctx); err != nil {
				return err
			}
		}
		return u.add(c, r)
	})
	if err != nil {
		return err
	}
	return u.flush(ctx)
}

func (u *uploader) wanted(c source.Content) bool {
	_, lacking := u.lacking[c.Sum]
	return lacking
}

// open begins a pack.
func (u *uploader) open() {
	u.pack.Reset()
	u.zipped = gzip.NewWriter(&u.pack)
	u.archive = tar.NewWriter(u.zipped)
	u.packed = 0
}

func (u *uploader) add(c source.Content, r io.Reader) error {
	if err := u.archive.WriteHeader(&tar.Header{Name: c.Sum, Size: c.Size, Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	if _, err := io.CopyN(u.archive, r, c.Size); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	u.packed += c.Size
	return nil
}

// flush sends the pack and begins the next one.
func (u *uploader) flush(ctx context.Context) error {
	if u.packed == 0 {
		return nil
	}
	if err := errors.Join(u.archive.Close(), u.zipped.Close()); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	u.sent += int64(u.pack.Len())
	kept, err := u.client.SendContents(ctx, u.service, bytes.NewReader(u.pack.Bytes()))
	u.files += kept.Files
	u.open()
	return err
}

// single sends what the server lacks of a large content.
func (u *uploader) single(ctx context.Context, c source.Content, r io.Reader) error {
	offset := u.lacking[c.Sum]
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		return err
	}
	if _, err := u.client.SendContent(ctx, u.service, c.Sum, offset, c.Size, r); err != nil {
		return err
	}
	u.sent += c.Size - offset
	u.files++
	return nil
}
