package builder

import (
	"context"
	"encoding/json"
	"fmt"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/platform"
)

// attested are the frontend's attributes that tell BuildKit to put an account of how an image was made beside it: SLSA
// provenance v1, without build arguments, labels and names of secrets.
func attested() map[string]string {
	return map[string]string{"attest:provenance": "mode=min,version=v1,builder-id=csph"}
}

// Annotations of what holds an attestation, as BuildKit and Docker write them.
const (
	attestedBy    = "vnd.docker.reference.type" // of a manifest in an index
	attestedImage = "vnd.docker.reference.digest"
	predicateType = "in-toto.io/predicate-type" // of a layer in such a manifest
	slsa          = "https://slsa.dev/provenance/v1"
)

// Provenance returns how an image that was built here was made: an in-toto statement with SLSA provenance v1 as its
// predicate (https://slsa.dev/spec/v1.0/provenance). The error is platform.ErrNotFound when the image is gone, or
// was pulled, or was built before images had one.
func (b *Builder) Provenance(ctx context.Context, image platform.Image) (json.RawMessage, error) {
	ctx = b.inNamespace(ctx)
	found, err := b.engine.GetImage(ctx, image.Ref)
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("%w: image %s is not kept any more", platform.ErrNotFound, image.Ref)
	}
	if err != nil {
		return nil, fmt.Errorf("find image %s: %w", image.Ref, err)
	}
	statement, err := readStatement(ctx, found, image.Digest)
	if err == nil && statement == nil {
		err = fmt.Errorf("%w: image %s has no account of how it was made: it was pulled, or was built by an earlier csph", platform.ErrNotFound, image.Ref)
	}
	return statement, err
}

// readStatement is the statement about the image of the given digest; nil when there is none.
func readStatement(ctx context.Context, image containerd.Image, about string) (json.RawMessage, error) {
	index, err := readIndex(ctx, image)
	if err != nil {
		return nil, err
	}
	for _, m := range index.Manifests {
		if m.Annotations[attestedBy] != "attestation-manifest" || m.Annotations[attestedImage] != about {
			continue
		}
		var manifest ocispecs.Manifest
		if err := readJSON(ctx, image, m, &manifest); err != nil {
			return nil, err
		}
		for _, layer := range manifest.Layers {
			if layer.Annotations[predicateType] == slsa {
				var statement json.RawMessage
				err := readJSON(ctx, image, layer, &statement)
				return statement, err
			}
		}
	}
	return nil, nil
}

// readIndex is the list of what an image consists of; empty for an image that is one manifest and nothing more.
func readIndex(ctx context.Context, image containerd.Image) (ocispecs.Index, error) {
	var index ocispecs.Index
	if !images.IsIndexType(image.Target().MediaType) {
		return index, nil
	}
	err := readJSON(ctx, image, image.Target(), &index)
	return index, err
}

func readJSON(ctx context.Context, image containerd.Image, d ocispecs.Descriptor, into any) error {
	b, err := content.ReadBlob(ctx, image.ContentStore(), d)
	if err != nil {
		return fmt.Errorf("read %s of image %s: %w", d.Digest, image.Name(), err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("decode %s of image %s: %w", d.Digest, image.Name(), err)
	}
	return nil
}

// runDigest is the digest of what of an image is run. An attestation says when it was made, and is in the index: the
// same source has the same manifest, not the same index.
func runDigest(ctx context.Context, image containerd.Image) (string, error) {
	index, err := readIndex(ctx, image)
	if err != nil {
		return "", err
	}
	for _, m := range index.Manifests {
		if m.Platform != nil && platforms.Default().Match(*m.Platform) {
			return m.Digest.String(), nil
		}
	}
	return image.Target().Digest.String(), nil
}
