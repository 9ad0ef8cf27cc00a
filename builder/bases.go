package builder

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"csph/platform"
)

// Labels of base images in the engine's store, and of stand-ins' configurations.
const (
	standInLabel = "csph.stand-in" // revision of the recipe
	pulledLabel  = "csph.pulled"   // when, RFC 3339
	seedLabel    = "csph.seed"     // folders that new cache mounts start from, separated by spaces
)

const (
	reachTimeout = 3 * time.Second
	reachFor     = 5 * time.Minute // how long an answer about a registry is believed
	refreshAfter = 24 * time.Hour  // how long a pulled base image is taken as it is
)

// Bases are the base images that plans and Dockerfiles name. Where an image's registry can be reached it is pulled,
// and again once a day; where it cannot, a stand-in of the same name is made on this machine, once.
// Builds then find both in the engine's store.
type Bases struct {
	builder *Builder
	making  *keyedLock
	program serverProgram

	mu      sync.Mutex
	reached map[string]reach
}

type reach struct {
	ok   bool
	when time.Time
}

func newBases(b *Builder) *Bases {
	return &Bases{builder: b, making: newKeyedLock(), reached: map[string]reach{}}
}

// Ensure makes the named images ready, one after the other, and tells progress; it may be nil. Names are as in
// a Dockerfile. Errors that are the user's are *platform.Failure.
func (s *Bases) Ensure(ctx context.Context, progress func(line string), names ...string) error {
	if progress == nil {
		progress = func(string) {}
	}
	if err := s.builder.gate.enter(ctx, basesService); err != nil {
		return err
	}
	defer s.builder.gate.leave(basesService)
	if err := s.builder.awaitDaemon(ctx); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := s.ready(ctx, name, progress); err != nil {
			return err
		}
	}
	return nil
}

// get makes a base image ready for a build; "" is the empty image.
func (s *Bases) get(ctx context.Context, name string, log *Log) (base, error) {
	if name == "" {
		return base{}, nil
	}
	defer reassuring(quietFor, "base image "+displayName(name)+" is being made or pulled", log.Step)()
	return s.ready(ctx, name, log.Step)
}

func (s *Bases) ready(ctx context.Context, name string, progress func(string)) (base, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return base{}, fmt.Errorf("base image %q: %w: %w", name, platform.ErrInvalid, err)
	}
	ref = reference.TagNameOnly(ref)
	name = ref.String()
	if found, ok, err := s.stored(ctx, name); err != nil || ok {
		return found, err
	}
	unlock, err := s.making.lock(ctx, name, func() { progress("waiting for base image " + displayName(name) + ", which is being made or pulled") })
	if err != nil {
		return base{}, err
	}
	defer unlock()
	if found, ok, err := s.stored(ctx, name); err != nil || ok {
		return found, err
	}
	if err := s.fetch(ctx, ref, progress); err != nil {
		return base{}, err
	}
	return s.load(ctx, name)
}

// stored returns the image from the engine's store, if it is there and need not be fetched anew.
func (s *Bases) stored(ctx context.Context, name string) (base, bool, error) {
	image, err := s.builder.engine.GetImage(s.builder.inNamespace(ctx), name)
	if errdefs.IsNotFound(err) {
		return base{}, false, nil
	}
	if err != nil {
		return base{}, false, fmt.Errorf("look for base image %s: %w", name, err)
	}
	if !s.fresh(image.Labels(), name) {
		return base{}, false, nil
	}
	found, err := describeBase(s.builder.inNamespace(ctx), image)
	return found, err == nil, err
}

// fresh reports whether an image with these labels is good enough. Of a stand-in, only the recipe's
// revision counts: whoever wants the official image once its registry is in reach removes the stand-in.
func (s *Bases) fresh(labels map[string]string, name string) bool {
	if revision, ok := labels[standInLabel]; ok {
		r, _, known := findRecipe(name)
		return known && r.revision() == revision
	}
	pulled, err := time.Parse(time.RFC3339, labels[pulledLabel])
	return err == nil && time.Since(pulled) < refreshAfter
}

func (s *Bases) load(ctx context.Context, name string) (base, error) {
	ctx = s.builder.inNamespace(ctx)
	image, err := s.builder.engine.GetImage(ctx, name)
	if err != nil {
		return base{}, fmt.Errorf("find base image %s: %w", name, err)
	}
	return describeBase(ctx, image)
}

func describeBase(ctx context.Context, image containerd.Image) (base, error) {
	spec, err := image.Spec(ctx)
	if err != nil {
		return base{}, fmt.Errorf("read the configuration of base image %s: %w", image.Name(), err)
	}
	size, err := image.Size(ctx)
	if err != nil {
		return base{}, fmt.Errorf("measure base image %s: %w", image.Name(), err)
	}
	return base{
		name: image.Name(), digest: image.Target().Digest.String(), size: size,
		env: spec.Config.Env, history: spec.History, seed: strings.Fields(spec.Config.Labels[seedLabel]),
		standIn: image.Labels()[standInLabel] != "",
	}, nil
}

// fetch puts the image into the engine's store: pulled, as it was pulled before, or made.
func (s *Bases) fetch(ctx context.Context, ref reference.Named, progress func(string)) error {
	name := ref.String()
	var pullErr error
	if s.reachable(ctx, reference.Domain(ref)) {
		if pullErr = s.pull(ctx, name, progress); pullErr == nil {
			return nil
		}
	}
	held, err := s.pulledBefore(ctx, name)
	if err != nil {
		return err
	}
	if held {
		progress("base image " + displayName(name) + " is used as it was pulled before: its registry does not give it now")
		return nil
	}
	if pullErr != nil && !unreachableRegistry(pullErr) {
		return pullErr
	}
	if recipe, version, ok := findRecipe(name); ok {
		return s.standIn(ctx, name, recipe, version, progress)
	}
	return &platform.Failure{
		Reason:  platform.BuildFailed,
		Message: fmt.Sprintf("base image %s cannot be had: the registry %s cannot be reached from this machine", displayName(name), reference.Domain(ref)),
		Hint:    "connect the machine to the registry, or use one of the images that csph makes itself: " + strings.Join(recipeNames(), ", "),
		Err:     pullErr,
	}
}

// pulledBefore reports whether the store holds the image itself, not a stand-in.
func (s *Bases) pulledBefore(ctx context.Context, name string) (bool, error) {
	image, err := s.builder.engine.GetImage(s.builder.inNamespace(ctx), name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for base image %s: %w", name, err)
	}
	return image.Labels()[pulledLabel] != "", nil
}

func (s *Bases) pull(ctx context.Context, name string, progress func(string)) error {
	progress("pulling base image " + displayName(name))
	began := time.Now()
	_, err := s.builder.pull(ctx, name, name, map[string]string{pulledLabel: time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	progress("pulled base image " + displayName(name) + "  " + seconds(time.Since(began)))
	return nil
}

// reachable reports whether the registry of domain answers at all, by an HTTP request with a short
// timeout; the answer is kept for some minutes.
func (s *Bases) reachable(ctx context.Context, domain string) bool {
	s.mu.Lock()
	known, ok := s.reached[domain]
	s.mu.Unlock()
	if ok && time.Since(known.when) < reachFor {
		return known.ok
	}
	answered := answers(ctx, registryURL(domain))
	if ctx.Err() == nil {
		s.mu.Lock()
		s.reached[domain] = reach{answered, time.Now()}
		s.mu.Unlock()
	}
	return answered
}

func registryURL(domain string) string {
	if domain == "docker.io" {
		domain = "registry-1.docker.io"
	}
	scheme := "https"
	if plainHTTP(domain) {
		scheme = "http"
	}
	return scheme + "://" + domain + "/v2/"
}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}
