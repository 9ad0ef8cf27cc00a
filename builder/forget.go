package builder

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"

	"csph/platform"
)

// Forget deletes an image that Build or Pull returned; its layers go with the next collection, unless a
// build's cache or another image still has them. Forgetting what is not there is no error. The caller
// makes sure that nothing live runs from it.
func (b *Builder) Forget(ctx context.Context, image platform.Image) error {
	if !strings.HasPrefix(image.Ref, "csph.local/") {
		return fmt.Errorf("forget image %q: %w: it is not of a deployment", image.Ref, platform.ErrInvalid)
	}
	err := b.engine.ImageService().Delete(b.inNamespace(ctx), image.Ref)
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("forget image %s: %w", image.Ref, err)
	}
	return nil
}

// ClearCache drops the cache folders of a service, so that its next build fills them anew, and returns
// how many bytes that freed. The next build is one, even of an unchanged source, and runs the prepareCommands of a
// zerops.yml again. Folders that a build is using stay.
func (b *Builder) ClearCache(ctx context.Context, service string) (freed int64, err error) {
	if !identifier.MatchString(service) {
		return 0, fmt.Errorf("clear the caches: %w: service id %q", platform.ErrInvalid, service)
	}
	if err := b.clearings().note(service); err != nil {
		return 0, fmt.Errorf("clear the caches: %w", err)
	}
	return b.dropCaches(ctx, service)
}

// dropCaches drops the cache folders of a service, and makes its images forget what they were made of.
func (b *Builder) dropCaches(ctx context.Context, service string) (freed int64, err error) {
	if err := b.unlabel(ctx, service); err != nil {
		return 0, fmt.Errorf("clear the caches: %w", err)
	}
	return b.prune(ctx, fmt.Sprintf("type==exec.cachemount,description~=%q", regexp.QuoteMeta(cachePrefix(service))))
}
