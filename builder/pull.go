package builder

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/platform"
)

const pullTimeout = 20 * time.Minute

// Credentials returns the user and password for a registry, both empty where there are none.
type Credentials func(registry string) (user, password string, err error)

// Pull resolves ref to a digest, fetches the image of this machine's platform into the engine's store and
// unpacks it. Errors that are the user's are *platform.Failure with ImagePullFailed.
func (b *Builder) Pull(ctx context.Context, deployment, ref string) (platform.Image, error) {
	if !identifier.MatchString(deployment) {
		return platform.Image{}, fmt.Errorf("%w: deployment id %q", platform.ErrInvalid, deployment)
	}
	log, err := b.logs.acquire(deployment)
	if err != nil {
		return platform.Image{}, err
	}
	defer log.Close()
	began := time.Now()
	log.Step("pull " + ref)
	image, err := b.pullAs(ctx, ref, imageName("pulled", deployment), nil, b.loginOf(ctx, deployment))
	if err != nil {
		return platform.Image{}, err
	}
	log.Step(fmt.Sprintf("pull %s  %s, %s", ref, gigabytes(image.Size), seconds(time.Since(began))))
	return image, nil
}

// loginOf is with what the service of a deployment pulls.
func (b *Builder) loginOf(ctx context.Context, deployment string) Credentials {
	return func(registry string) (user, password string, err error) {
		if b.config.Login != nil {
			if user, password, err = b.config.Login(ctx, deployment, platform.RegistryHost(registry)); err != nil || user != "" {
				return user, password, err
			}
		}
		if b.config.Credentials != nil {
			return b.config.Credentials(registry)
		}
		return "", "", nil
	}
}

// pull fetches ref and keeps it in the engine's store as name.
func (b *Builder) pull(ctx context.Context, ref, name string, labels map[string]string) (platform.Image, error) {
	return b.pullAs(ctx, ref, name, labels, b.config.Credentials)
}

// pullAs is pull with a login.
func (b *Builder) pullAs(ctx context.Context, ref, name string, labels map[string]string, login Credentials) (platform.Image, error) {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return platform.Image{}, &platform.Failure{
			Reason: platform.ImagePullFailed, Err: err, Message: fmt.Sprintf("%q is not an image reference", ref),
			Hint: "write it as registry.example.com/name:tag, name:tag or name@sha256:…",
		}
	}
	ctx, cancel := context.WithTimeout(b.inNamespace(ctx), pullTimeout)
	defer cancel()
	by := b.registryTransport()
	defer by.CloseIdleConnections()
	p := &pull{builder: b, ref: named.String(), resolver: registryResolver(login, by)}
	image, err := p.fetch(ctx, name, labels)
	if err != nil && poisoned(err) {
		p.cure(ctx)
		image, err = p.fetch(ctx, name, labels)
	}
	if err != nil {
		return platform.Image{}, pullFailure(ctx, ref, err)
	}
	return image, nil
}

func registryResolver(login Credentials, by http.RoundTripper) remotes.Resolver {
	client := &http.Client{Transport: by}
	auth := []docker.AuthorizerOpt{docker.WithAuthClient(client)}
	if login != nil {
		auth = append(auth, docker.WithAuthCreds(login))
	}
	return docker.NewResolver(docker.ResolverOptions{Hosts: docker.ConfigureDefaultRegistries(
		docker.WithClient(client),
		docker.WithPlainHTTP(func(host string) (bool, error) { return plainHTTP(host), nil }),
		docker.WithAuthorizer(docker.NewDockerAuthorizer(auth...)),
	)})
}

// plainHTTP allows registries without TLS on this machine's loopback, and nowhere else.
func plainHTTP(host string) bool {
	local, err := docker.MatchLocalhost(host)
	return err == nil && local
}

// pull is one try, or two, to fetch an image.
type pull struct {
	builder  *Builder
	ref      string
	resolver remotes.Resolver

	mu      sync.Mutex
	ingests []string // of what has been asked for
}

// platformError reports an image that does not run here.
type platformError struct{ want, have string }

func (e *platformError) Error() string {
	if e.have == "" {
		return "the image has no variant for " + e.want
	}
	return fmt.Sprintf("the image is for %s, this machine is %s", e.have, e.want)
}

func (p *pull) fetch(ctx context.Context, name string, labels map[string]string) (platform.Image, error) {
	resolved, target, err := p.resolver.Resolve(ctx, p.ref)
	if err != nil {
		return platform.Image{}, fmt.Errorf("resolve: %w", err)
	}
	engine := p.builder.engine
	ctx, done, err := engine.WithLease(ctx)
	if err != nil {
		return platform.Image{}, fmt.Errorf("hold what is fetched: %w", err)
	}
	defer done(context.WithoutCancel(ctx))
	fetched, err := engine.Fetch(ctx, pinned(resolved, target),
		containerd.WithResolver(p.resolver), containerd.WithImageHandler(images.HandlerFunc(p.note)))
	if err != nil {
		return platform.Image{}, fetchError(err)
	}
	if fetched.Name != name {
		defer engine.ImageService().Delete(context.WithoutCancel(ctx), fetched.Name)
	}
	if err := p.builder.keepImage(ctx, images.Image{Name: name, Target: fetched.Target, Labels: labels}); err != nil {
		return platform.Image{}, err
	}
	image, err := engine.GetImage(ctx, name)
	if err != nil {
		return platform.Image{}, fmt.Errorf("find the image that was pulled: %w", err)
	}
	return p.unpack(ctx, image)
}

func (p *pull) unpack(ctx context.Context, image containerd.Image) (platform.Image, error) {
	spec, err := image.Spec(ctx)
	if err != nil {
		return platform.Image{}, fetchError(err)
	}
	if have := spec.Platform; have.Architecture != "" && !platforms.Default().Match(have) {
		return platform.Image{}, &platformError{want: platforms.DefaultString(), have: platforms.Format(have)}
	}
	if err := image.Unpack(ctx, snapshotter); err != nil {
		return platform.Image{}, fmt.Errorf("unpack: %w", err)
	}
	return describe(ctx, image)
}

// keepImage records an image in the engine's store, replacing an older one of its name.
func (b *Builder) keepImage(ctx context.Context, image images.Image) error {
	store := b.engine.ImageService()
	_, err := store.Create(ctx, image)
	if errdefs.IsAlreadyExists(err) {
		_, err = store.Update(ctx, image)
	}
	if err != nil {
		return fmt.Errorf("record the image: %w", err)
	}
	return nil
}

// pinned is name with its tag replaced by what the tag meant.
func pinned(name string, target ocispecs.Descriptor) string {
	named, err := reference.ParseDockerRef(name)
	if err != nil {
		return name
	}
	exact, err := reference.WithDigest(reference.TrimNamed(named), target.Digest)
	if err != nil {
		return name
	}
	return exact.String()
}

// fetchError tells an image without a variant for this machine from content that is missing.
func fetchError(err error) error {
	if errdefs.IsNotFound(err) && noPlatform.MatchString(err.Error()) {
		return &platformError{want: platforms.DefaultString()}
	}
	return fmt.Errorf("fetch: %w", err)
}

func (p *pull) note(ctx context.Context, d ocispecs.Descriptor) ([]ocispecs.Descriptor, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ingests = append(p.ingests, remotes.MakeRefKey(ctx, d))
	return nil, nil
}

// poisoned reports an error that unfinished content in the store can cause: a partial or corrupt blob is taken up
// again by every later pull, until it is aborted.
func poisoned(err error) bool {
	var unexpected remoteserrors.ErrUnexpectedStatus
	if errors.As(err, &unexpected) && unexpected.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return true
	}
	return errdefs.IsFailedPrecondition(err) || errdefs.IsOutOfRange(err)
}

// cure aborts the unfinished content of this image.
func (p *pull) cure(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range p.ingests {
		if err := p.builder.engine.ContentStore().Abort(ctx, ref); err != nil && !errdefs.IsNotFound(err) {
			p.builder.config.Logger.Warn("an unfinished download stays", "ref", ref, "err", err)
		}
	}
}
