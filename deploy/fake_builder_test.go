package deploy_test

import (
	"context"
	"path/filepath"
	"sync"

	"csph/buildpacks"
	"csph/deploy"
	"csph/platform"
)

// source is a tree without a build.
type source string

func (s source) Describe() platform.Source {
	return platform.Source{Kind: platform.FromGit, Revision: string(s)}
}

func (s source) Checkout(context.Context) (string, error) {
	return filepath.Join("testdata", "static"), nil
}

// fakeBuilder builds at once unless told to wait or fail.
type fakeBuilder struct {
	mu      sync.Mutex
	fail    error
	held    map[string][]string
	same    bool          // nothing has changed since the live version
	hold    chan struct{} // builds wait for it; nil: they do not
	busy    chan struct{} // builds wait for it to be admitted; nil: they do not
	started chan string   // deployments whose build has begun
	gone    []string      // images forgotten
	orders  []deploy.Build
	open    int   // logs that are open
	ended   []int // after each Close, how many were open
}

func newFakeBuilder() *fakeBuilder { return &fakeBuilder{started: make(chan string, 100)} }

func (b *fakeBuilder) Admit(ctx context.Context, _, _ string, waiting func(string)) (func(), error) {
	b.mu.Lock()
	busy := b.busy
	b.mu.Unlock()
	if busy == nil {
		return func() {}, nil
	}
	waiting("queued behind 1 build")
	select {
	case <-busy:
		return func() {}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (b *fakeBuilder) Held(context.Context, buildpacks.Plan) map[string][]string { return b.held }

func (b *fakeBuilder) Build(ctx context.Context, r deploy.Build) (platform.Image, error) {
	b.mu.Lock()
	fail, hold, same := b.fail, b.hold, b.same
	b.orders = append(b.orders, r)
	b.mu.Unlock()
	b.started <- r.Deployment
	if same {
		return r.Last, nil
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return platform.Image{}, ctx.Err()
		}
	}
	return platform.Image{Ref: "csph.local/" + r.Deployment, Digest: "sha256:" + r.Deployment}, fail
}

func (b *fakeBuilder) Pull(_ context.Context, id, ref string) (platform.Image, error) {
	if ref == "missing" {
		return platform.Image{}, &platform.Failure{Reason: platform.ImagePullFailed, Message: "no such tag"}
	}
	return platform.Image{Ref: ref, Digest: "sha256:" + id, Port: 3000}, nil
}

func (b *fakeBuilder) Log(string) (deploy.BuildLog, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
	return &openLog{b, sync.Once{}}, nil
}

func (b *fakeBuilder) Forget(_ context.Context, i platform.Image) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = append(b.gone, i.Ref)
	return nil
}

func (b *fakeBuilder) lastOrder() deploy.Build {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.orders[len(b.orders)-1]
}

func (b *fakeBuilder) set(f func(*fakeBuilder)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

// openLog counts as open until it is closed.
type openLog struct {
	builder *fakeBuilder
	closing sync.Once
}

func (l *openLog) Step(string) {}
func (l *openLog) Line(string) {}
func (l *openLog) Close() error {
	l.closing.Do(func() { l.builder.set(func(b *fakeBuilder) { b.open--; b.ended = append(b.ended, b.open) }) })
	return nil
}
