package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"

	"csph/platform"
)

// inputsLabel is on an image that a build made: the digest of all that it was made of.
const inputsLabel = "csph.inputs"

// inputs is all that the result of a build follows from. BuildKit caches by the same: values of secrets, settings of
// the host and what steps download are not in it.
type inputs struct {
	Order   any               // what BuildKit is told to do
	Source  string            // digest
	Bases   map[string]string // images that are built on, to their digests
	Secrets []string          // names
}

// note computes the digest of the build's inputs. Its survey and its bases are known.
func (s *solve) note(order any) error {
	all := inputs{Order: order, Source: s.survey.digest, Bases: map[string]string{}, Secrets: slices.Sorted(maps.Keys(s.request.Secrets))}
	for _, b := range s.bases {
		all.Bases[b.name] = b.digest
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode the inputs of the build: %w", err)
	}
	sum := sha256.Sum256(text)
	s.inputs = hex.EncodeToString(sum[:])
	return nil
}

// unchanged reports whether the image that the build would replace was made of the very same. Clearing the
// service's caches makes every image forget what it was made of.
func (s *solve) unchanged(ctx context.Context) (bool, error) {
	last := s.request.Last
	if s.request.NoCache || last.Digest == "" || s.inputs == "" {
		return false, nil
	}
	ctx = s.builder.inNamespace(ctx)
	image, err := s.builder.engine.GetImage(ctx, last.Ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the live image: %w", err)
	}
	return image.Labels()[inputsLabel] == s.inputs && image.Target().Digest.String() == last.Digest, nil
}

// label keeps in the record of the image what it was made of, and how.
func (s *solve) label(ctx context.Context, image platform.Image) error {
	labels, err := s.account()
	if err != nil {
		return err
	}
	labels[inputsLabel] = s.inputs
	return s.builder.relabel(ctx, image.Ref, labels)
}

// relabel sets labels of an image's record; the others stay.
func (b *Builder) relabel(ctx context.Context, name string, labels map[string]string) error {
	var paths []string
	for label := range labels {
		paths = append(paths, "labels."+label)
	}
	if _, err := b.engine.ImageService().Update(b.inNamespace(ctx), images.Image{Name: name, Labels: labels}, paths...); err != nil {
		return fmt.Errorf("note what image %s was made of: %w", name, err)
	}
	return nil
}

// unlabel makes the images of a service forget what they were made of, so that the next build is one.
func (b *Builder) unlabel(ctx context.Context, service string) error {
	listed, err := b.engine.ImageService().List(b.inNamespace(ctx))
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	for _, image := range listed {
		if !strings.HasPrefix(image.Name, imagePrefix+service+":") || image.Labels[inputsLabel] == "" {
			continue
		}
		err := b.relabel(ctx, image.Name, map[string]string{inputsLabel: ""})
		if err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	return nil
}
