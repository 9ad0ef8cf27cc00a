package builder

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/buildpacks"
)

const (
	serverName   = "csph-files"
	serverPrefix = imagePrefix + serverName + ":" // of the names of its images; what follows names the program
)

// serverProgram knows the digest of csph's file server, which is read again only when the file is another one.
type serverProgram struct {
	mu     sync.Mutex
	read   os.FileInfo
	digest digest.Digest
}

func (p *serverProgram) digestOf(name string) (digest.Digest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("find csph's file server: %w", err)
	}
	if p.read != nil && os.SameFile(p.read, now) && p.read.Size() == now.Size() && p.read.ModTime().Equal(now.ModTime()) {
		return p.digest, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("open csph's file server: %w", err)
	}
	defer f.Close()
	if p.digest, err = digest.FromReader(f); err != nil {
		return "", fmt.Errorf("read csph's file server: %w", err)
	}
	p.read = now
	return p.digest, nil
}

// server is the image that sites are built on: csph's file server and nothing more, one layer that all sites share. It is
// made when the first site is built, and again when the program is another one.
func (s *Bases) server(ctx context.Context) (base, error) {
	program := filepath.Join(s.builder.config.BinDir, serverName)
	sum, err := s.program.digestOf(program)
	if err != nil {
		return base{}, err
	}
	name := serverPrefix + sum.Encoded()[:12]
	unlock, err := s.making.lock(ctx, name, func() {})
	if err != nil {
		return base{}, err
	}
	defer unlock()
	found, err := s.load(ctx, name)
	if !errdefs.IsNotFound(err) {
		return found, err
	}
	if err := s.makeServer(ctx, name, program); err != nil {
		return base{}, fmt.Errorf("make the image of csph's file server: %w", err)
	}
	return s.load(ctx, name)
}

// makeServer puts the program into the engine's store as an image, and removes the images of other ones: the layers of
// those stay for as long as a site's image has them.
func (s *Bases) makeServer(ctx context.Context, name, program string) error {
	b := s.builder
	ctx = b.inNamespace(ctx)
	layer, err := serverLayer(program)
	if err != nil {
		return err
	}
	ctx, done, err := b.engine.WithLease(ctx) // until the image refers to what is written
	if err != nil {
		return fmt.Errorf("hold what is written: %w", err)
	}
	defer done(context.WithoutCancel(ctx))
	target, err := writeImage(ctx, b.engine.ContentStore(), layer)
	if err != nil {
		return err
	}
	if err := b.keepImage(ctx, images.Image{Name: name, Target: target}); err != nil {
		return err
	}
	return s.removeServers(ctx, name)
}

// removeServers removes the images of csph's file server but the one called keep.
func (s *Bases) removeServers(ctx context.Context, keep string) error {
	store := s.builder.engine.ImageService()
	listed, err := store.List(ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	var errs []error
	for _, image := range listed {
		if strings.HasPrefix(image.Name, serverPrefix) && image.Name != keep {
			if err := store.Delete(ctx, image.Name); err != nil && !errdefs.IsNotFound(err) {
				errs = append(errs, fmt.Errorf("remove image %s: %w", image.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// serverLayer is an uncompressed layer with the program in it; the same program always makes the same.
func serverLayer(program string) ([]byte, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	inRoot := strings.TrimPrefix(buildpacks.SiteServer, "/")
	err = errors.Join(
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: path.Dir(inRoot) + "/", Mode: 0o755, ModTime: preparedAt}),
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: inRoot, Mode: 0o755, Size: int64(len(text)), ModTime: preparedAt}))
	if err == nil {
		_, err = w.Write(text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("write a layer: %w", err)
	}
	return layer.Bytes(), nil
}

// writeImage writes an image of one uncompressed layer into store and returns what its name is to refer to.
func writeImage(ctx context.Context, store content.Store, layer []byte) (ocispecs.Descriptor, error) {
	when := preparedAt
	config, err := json.Marshal(ocispecs.Image{
		Created: &when, Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:  ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
		History: []ocispecs.History{{Created: &when, CreatedBy: serverName}},
	})
	if err != nil {
		return ocispecs.Descriptor{}, fmt.Errorf("encode the configuration: %w", err)
	}
	manifest := ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest,
		Config: describeContent(ocispecs.MediaTypeImageConfig, config),
		Layers: []ocispecs.Descriptor{describeContent(ocispecs.MediaTypeImageLayer, layer)},
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return ocispecs.Descriptor{}, fmt.Errorf("encode the manifest: %w", err)
	}
	target := describeContent(ocispecs.MediaTypeImageManifest, text)
	refers := content.WithLabels(map[string]string{ // so that the collection of garbage finds them
		"containerd.io/gc.ref.content.config": manifest.Config.Digest.String(), "containerd.io/gc.ref.content.l.0": manifest.Layers[0].Digest.String(),
	})
	err = errors.Join(
		writeContent(ctx, store, manifest.Layers[0], layer), writeContent(ctx, store, manifest.Config, config), writeContent(ctx, store, target, text, refers))
	return target, err
}

func describeContent(mediaType string, text []byte) ocispecs.Descriptor {
	return ocispecs.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
}

func writeContent(ctx context.Context, store content.Store, d ocispecs.Descriptor, text []byte, opts ...content.Opt) error {
	if err := content.WriteBlob(ctx, store, d.Digest.String(), bytes.NewReader(text), d, opts...); err != nil {
		return fmt.Errorf("write content %s: %w", d.Digest, err)
	}
	return nil
}
