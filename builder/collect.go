package builder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"csph/platform"
)

// References are what must stay on disk.
type References struct {
	Services    map[string]bool // ids of all that there are; the caches of others go
	Deployments map[string]bool // ids of those under way: their images may not be recorded yet
	Images      map[string]bool // names of the live and the restorable ones
}

// Collected tells that something was removed from the disk. Service is empty when it was nobody's in particular.
type Collected func(service, what string)

const (
	collectEvery  = 10 * time.Minute // how often the free space is looked at
	collectAfter  = time.Minute      // the least time between two collections that builds ask for
	collectLimit  = 5 * time.Minute  // for one collection
	recentlyUsed  = 24 * time.Hour   // build cache that only goes when nothing else helps
	imagePrefix   = "csph.local/"
	pulledService = "pulled" // stands for the service in the names of images that were pulled
)

// collect removes what nothing refers to: at the start, after builds, and while the disk is nearly full.
func (b *Builder) collect(ctx context.Context) error {
	if b.daemon.WaitReady(ctx) != nil {
		return nil // Serve ends
	}
	for {
		if err := b.Collect(ctx); err != nil && ctx.Err() == nil {
			b.config.Logger.Warn("images and caches that nothing refers to stay until the next collection", "err", err)
		}
		b.relieve(ctx, b.config.MinFree)
		if !pause(ctx, collectAfter) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.built:
		case <-time.After(collectEvery):
		}
	}
}

// noteBuilt asks for a collection.
func (b *Builder) noteBuilt() {
	select {
	case b.built <- struct{}{}:
	default:
	}
}

// Collect removes the images of deployments that are neither live, restorable nor under way, and the caches of
// services that are gone. It blocks until that is done. Without Config.References nothing is known to be
// needless, and nothing goes.
func (b *Builder) Collect(ctx context.Context) error {
	if b.config.References == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, collectLimit)
	defer cancel()
	// What is there is listed before what is referred to: what is made in between is in neither list or in the second.
	listed, err := b.engine.ImageService().List(b.inNamespace(ctx))
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	cached, err := b.cachedServices(ctx)
	if err != nil {
		return err
	}
	refs, err := b.config.References(ctx)
	if err != nil {
		return fmt.Errorf("read what refers to images: %w", err)
	}
	return errors.Join(b.collectImages(ctx, listed, refs), b.collectCaches(ctx, cached, refs))
}

func (b *Builder) collectImages(ctx context.Context, listed []images.Image, refs References) error {
	gone := map[string]int{}
	var errs []error
	for _, image := range listed {
		service, deployment, ours := parseImageName(image.Name)
		if !ours || refs.Images[image.Name] || refs.Deployments[deployment] {
			continue
		}
		err := b.engine.ImageService().Delete(b.inNamespace(ctx), image.Name, images.SynchronousDelete())
		if err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("delete image %s: %w", image.Name, err))
			continue
		}
		gone[service]++
	}
	for service, n := range gone {
		b.collected(service, fmt.Sprintf("removed images that no deployment can use any more: %d", n))
	}
	return errors.Join(errs...)
}

// parseImageName splits the name of a deployment's image; ours is false for every other image. What else builds with
// this package, such as a measurement, names services without an id's prefix.
func parseImageName(name string) (service, deployment string, ours bool) {
	rest, ok := strings.CutPrefix(name, imagePrefix)
	if !ok {
		return "", "", false
	}
	service, deployment, ok = strings.Cut(rest, ":")
	return service, deployment, ok && (service == pulledService || isService(service))
}

func isService(id string) bool { return strings.HasPrefix(id, platform.ServicePrefix+"_") }

func (b *Builder) collectCaches(ctx context.Context, cached []string, refs References) error {
	var errs []error
	for _, service := range cached {
		if refs.Services[service] || !isService(service) {
			continue
		}
		freed, err := b.dropCaches(ctx, service)
		if err != nil {
			errs = append(errs, err)
		} else if freed > 0 {
			b.collected(service, "removed the build caches of a deleted service, "+gigabytes(freed))
		}
	}
	return errors.Join(append(errs, b.clearings().keepOnly(refs.Services))...)
}

func (b *Builder) collected(service, what string) {
	b.config.Logger.Info(what, "service", service)
	if b.config.Collected != nil {
		if service == pulledService {
			service = ""
		}
		b.config.Collected(service, what)
	}
}

// relieve drops build caches, those that have not been used for longest first, while the disk has less than
// wanted bytes free. Builds are slower afterwards; an image or a cache in use never goes.
func (b *Builder) relieve(ctx context.Context, wanted int64) {
	for _, keep := range []time.Duration{recentlyUsed, 0} {
		free, err := freeSpace(b.config.Host.Dir)
		if err != nil || free >= wanted {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, collectLimit)
		freed, err := b.pruneOlder(ctx, keep)
		cancel()
		if err != nil {
			b.config.Logger.Error("the disk is nearly full, and build caches cannot be dropped", "free_mb", free>>20, "err", err)
			return
		}
		if freed > 0 {
			b.collected("", fmt.Sprintf("dropped %s of build caches: the disk had only %s free, and should have %s", gigabytes(freed), gigabytes(free), gigabytes(wanted)))
		}
	}
	if free, err := freeSpace(b.config.Host.Dir); err == nil && free < wanted {
		b.config.Logger.Warn("the disk stays nearly full; csph disk shows what uses it", "free_mb", free>>20)
	}
}

// freeSpace is what may still be written to the file system that dir is on, in bytes (statfs(2)).
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// cachedServices lists the services that have build caches, sorted.
func (b *Builder) cachedServices(ctx context.Context) ([]string, error) {
	caches, err := b.cacheSizes(ctx)
	if err != nil {
		return nil, err
	}
	var services []string
	for service := range caches.services {
		services = append(services, service)
	}
	slices.Sort(services)
	return services, nil
}
