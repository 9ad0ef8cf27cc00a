package builder

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/image-spec/identity"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Usage is what images and build caches take on disk, in bytes. What several share is counted once: for the base
// images, else for the first service in the order of ids that has it.
type Usage struct {
	Images  map[string]ImageUsage // by service; "" for images that were pulled
	Bases   ImageUsage
	Caches  map[string]int64 // cache folders, by service
	Records int64            // the rest of the build cache: results of steps, sources; some of it images have, too
	Free    int64            // on the file system of the state folder
}

// ImageUsage is a number of images and what they take: their layers as they are stored and as they are unpacked.
type ImageUsage struct {
	Count int
	Bytes int64
}

// Usage measures. It blocks for some milliseconds for each image.
func (b *Builder) Usage(ctx context.Context) (Usage, error) {
	u := Usage{Images: map[string]ImageUsage{}}
	caches, err := b.cacheSizes(ctx)
	if err != nil {
		return u, err
	}
	u.Caches, u.Records = caches.services, caches.records
	if u.Free, err = freeSpace(b.config.Host.Dir); err != nil {
		return u, err
	}
	ctx = b.inNamespace(ctx)
	listed, err := b.engine.ListImages(ctx)
	if err != nil {
		return u, fmt.Errorf("list images: %w", err)
	}
	m := &measure{builder: b, counted: map[string]bool{}}
	if u.Bases, err = m.images(ctx, listed, func(name string) bool { return !isBuilt(name) }); err != nil {
		return u, err
	}
	for _, service := range servicesOf(listed) {
		sum, err := m.images(ctx, listed, func(name string) bool { s, _, ours := parseImageName(name); return ours && s == service })
		if err != nil {
			return u, err
		}
		if service == pulledService {
			service = ""
		}
		u.Images[service] = sum
	}
	return u, nil
}

func isBuilt(name string) bool {
	_, _, ours := parseImageName(name)
	return ours
}

// servicesOf lists the services that have images, in the order of the images' names.
func servicesOf(listed []containerd.Image) []string {
	var services []string
	seen := map[string]bool{}
	for _, image := range listed {
		if s, _, ours := parseImageName(image.Name()); ours && !seen[s] {
			seen[s] = true
			services = append(services, s)
		}
	}
	return services
}

// measure adds up what images take and counts everything once.
type measure struct {
	builder *Builder
	counted map[string]bool // blobs and unpacked layers, by digest and chain id
}

func (m *measure) images(ctx context.Context, listed []containerd.Image, which func(name string) bool) (ImageUsage, error) {
	var sum ImageUsage
	for _, image := range listed {
		if !which(image.Name()) {
			continue
		}
		n, err := m.image(ctx, image)
		if errdefs.IsNotFound(err) {
			continue // it went meanwhile, or is not all there
		}
		if err != nil {
			return sum, fmt.Errorf("measure image %s: %w", image.Name(), err)
		}
		sum.Count++
		sum.Bytes += n
	}
	return sum, nil
}

func (m *measure) image(ctx context.Context, image containerd.Image) (int64, error) {
	manifest, err := images.Manifest(ctx, image.ContentStore(), image.Target(), platforms.Default())
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, d := range append([]ocispecs.Descriptor{manifest.Config}, manifest.Layers...) {
		if m.first(d.Digest.String()) {
			sum += d.Size
		}
	}
	layers, err := image.RootFS(ctx)
	if err != nil {
		return 0, err
	}
	for i := range layers {
		chain := identity.ChainID(layers[:i+1]).String()
		if !m.first(chain + " unpacked") {
			continue
		}
		used, err := m.builder.engine.SnapshotService(snapshotter).Usage(ctx, chain)
		if err != nil && !errdefs.IsNotFound(err) {
			return 0, err
		}
		sum += used.Size
	}
	return sum, nil
}

// first reports whether key is counted for the first time.
func (m *measure) first(key string) bool {
	if m.counted[key] {
		return false
	}
	m.counted[key] = true
	return true
}

// cacheUse is what BuildKit keeps.
type cacheUse struct {
	services map[string]int64 // cache folders
	records  int64            // everything else
}

// cacheOf finds the service in what BuildKit says of a cache folder.
var cacheOf = regexp.MustCompile(regexp.QuoteMeta(strings.TrimSuffix(cachePrefix(""), ":")) + `([a-z0-9][a-z0-9_.-]*):`)

func (b *Builder) cacheSizes(ctx context.Context) (cacheUse, error) {
	use := cacheUse{services: map[string]int64{}}
	c, err := b.buildkit(ctx)
	if err != nil {
		return use, err
	}
	defer c.Close()
	records, err := c.DiskUsage(ctx)
	if err != nil {
		return use, fmt.Errorf("ask buildkitd for its cache: %w", err)
	}
	for _, r := range records {
		m := cacheOf.FindStringSubmatch(r.Description)
		if r.RecordType == client.UsageRecordTypeCacheMount && m != nil {
			use.services[m[1]] += r.Size
		} else if !r.Shared {
			use.records += r.Size
		}
	}
	return use, nil
}
