package containerd

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"csph/platform"
)

// unpackTimeout is for the largest images on the slowest disks.
const unpackTimeout = 10 * time.Minute

// image finds an image and makes sure that its layers are unpacked, as those of built images are already.
func (e *Engine) image(ctx context.Context, want platform.Image) (client.Image, error) {
	img, err := e.ctrd.GetImage(ctx, want.Ref)
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("%w: image %s is not in the engine's store", platform.ErrNotFound, want.Ref)
	}
	if err != nil {
		return nil, fmt.Errorf("look for image %s: %w", want.Ref, err)
	}
	ready, err := img.IsUnpacked(ctx, snapshotter)
	if err == nil && !ready {
		err = e.unpack(ctx, img)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack image %s: %w", want.Ref, err)
	}
	return img, nil
}

// unpack unpacks an image, once for all spherelets that want it. It goes on although ctx ends: an unpacking
// that was cut short would leave its remains until they expire.
func (e *Engine) unpack(ctx context.Context, img client.Image) error {
	_, err, _ := e.unpacks.Do(img.Target().Digest.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unpackTimeout)
		defer cancel()
		return nil, img.Unpack(ctx, snapshotter)
	})
	return err
}
