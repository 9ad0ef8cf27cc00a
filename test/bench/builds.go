package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/pkg/namespaces"

	"csph/api/client"
	"csph/builder"
	"csph/platform"
)

// Targets of the builds.
const (
	buildRatio   = 1.1
	sizeRatio    = 1.1
	sameOver     = 500 * time.Millisecond // of a build that changes nothing
	coldRounds   = 3                      // at most: they take long
	dockerfileIn = "Dockerfile.raw"
)

// contender is a sample app that is built both ways.
type contender struct {
	title, sample string
	dockerfile    string // of dockerfiles; empty: the app has one of its own, for both
	code          string // a line of it is changed
	manifest      string // with it the dependencies change; empty: there are none
}

func contenders() []contender {
	return []contender{
		{"Go", "go-hello", "go.Dockerfile", "main.go", "go.mod"},
		{"Node", "node-npm", "node.Dockerfile", "server.js", "package.json"},
		{"static", "static-hello", "static.Dockerfile", "index.html", ""},
		{"Python", "python-hello", "python.Dockerfile", "main.py", ""},
		{"Dockerfile", "dockerfile-hello", "", "main.go", "go.mod"},
	}
}

// measureBuilds compares builds, from the event that one has begun to the event that it has ended, with `buildctl build`
// of a well-written Dockerfile of the same app on the same buildkitd: of nothing changed, of one line, of a manifest,
// and without any cache.
func measureBuilds(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServer(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	f, err := newFloor(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	for _, c := range contenders() {
		if len(b.apps) > 0 && !slices.Contains(b.apps, c.title) {
			continue
		}
		r, err := newRace(ctx, b, s, f, c)
		if err == nil {
			err = r.run(ctx, b.rounds, report)
		}
		if err != nil {
			return fmt.Errorf("build %s: %w", c.title, err)
		}
	}
	return nil
}

// race is one app, pushed to csph and built by buildctl.
type race struct {
	contender
	bench   *bench
	app     *app
	floor   *floor
	raw     string // folder that buildctl builds
	secrets []string
}

func newRace(ctx context.Context, b *bench, s *server, f *floor, c contender) (*race, error) {
	r := &race{contender: c, bench: b, floor: f, raw: filepath.Join(s.state, "raw-"+c.sample)}
	var err error
	if r.app, err = newApp(ctx, b, s, c.sample, c.code); err != nil {
		return nil, err
	}
	if err := os.CopyFS(r.raw, os.DirFS(filepath.Join(b.root, "test", "apps", c.sample))); err != nil {
		return nil, err
	}
	if err := r.writeDockerfile("warm"); err != nil {
		return nil, err
	}
	if r.secrets, err = hostSecrets(ctx, s.state); err != nil {
		return nil, err
	}
	return r, r.bringBases(ctx)
}

func (r *race) run(ctx context.Context, rounds int, report func(figure)) error {
	if _, err := r.round(ctx, "", "", r.warm); err != nil { // warms both up
		return err
	}
	if err := r.sizes(ctx, report); err != nil {
		return err
	}
	for _, kind := range []struct {
		what, file string
		rounds     int
		build      func(ctx context.Context, text string) (ours, floor taken, err error)
	}{
		{"no change", "", rounds, r.warm}, {"one line", r.code, rounds, r.warm}, {"dependencies", r.manifest, rounds, r.warm},
		{"everything", r.code, min(rounds, coldRounds), r.cold},
	} {
		if kind.file == "" && kind.what != "no change" {
			continue
		}
		var all turns
		for i := range kind.rounds {
			t, err := r.round(ctx, kind.file, kind.what+strconv.Itoa(i+1), kind.build)
			if err != nil {
				return err
			}
			r.bench.note("build of %s, %s, round %d: %s", kind.what, r.title, i+1, t)
			all = append(all, t)
		}
		all.report("build of "+kind.what+", "+r.title, kind.file == "", report)
	}
	return nil
}

// round builds both ways after a change of a file in both folders, and "" changes none.
func (r *race) round(ctx context.Context, file, text string, build func(context.Context, string) (ours, floor taken, err error)) (turn, error) {
	for _, dir := range []string{r.app.dir, r.raw} {
		if file == "" {
			break
		}
		if err := r.edit(dir, file, text); err != nil {
			return turn{}, err
		}
	}
	ours, floor, err := build(ctx, text)
	return turn{ours, floor}, err
}

// warm builds both ways with what earlier builds have left.
func (r *race) warm(ctx context.Context, _ string) (ours, floor taken, err error) {
	if ours, err = r.measured(ctx, r.app.built); err != nil { // the first time, this brings the base images
		return ours, floor, err
	}
	floor, err = r.measured(ctx, func(ctx context.Context) (time.Duration, error) { return r.buildctl(ctx) })
	return ours, floor, err
}

// cold builds both ways with nothing but the base images: for a new service, and by buildctl with --no-cache and caches of
// another name.
func (r *race) cold(ctx context.Context, text string) (ours, floor taken, err error) {
	if err := r.writeDockerfile(text); err != nil {
		return ours, floor, err
	}
	floor, err = r.measured(ctx, func(ctx context.Context) (time.Duration, error) { return r.buildctl(ctx, "--no-cache") })
	if err != nil {
		return ours, floor, err
	}
	r.app.name = r.sample + "-" + text
	if err := r.app.git(ctx, "remote", "set-url", "csph", "ssh://git@"+r.app.server.ssh+"/"+r.app.name); err != nil {
		return ours, floor, err
	}
	ours, err = r.measured(ctx, r.app.built)
	return ours, floor, err
}

// sizes compares the images of the two ways.
func (r *race) sizes(ctx context.Context, report func(figure)) error {
	all, err := r.app.server.client.Deployments(ctx, r.app.name, 1)
	if err != nil {
		return err
	}
	image, err := r.floor.engine.GetImage(namespaces.WithNamespace(ctx, builder.Namespace), r.image())
	if err != nil {
		return err
	}
	raw, err := image.Size(namespaces.WithNamespace(ctx, builder.Namespace))
	if err != nil {
		return err
	}
	ratio := float64(all[0].Image.Size) / float64(raw)
	report(figure{
		name: "size of the image, " + r.title, ours: fmt.Sprintf("%.1f MB", float64(all[0].Image.Size)/1e6), floor: fmt.Sprintf("%.1f MB", float64(raw)/1e6),
		value: fmt.Sprintf("%.2f ×", ratio), target: fmt.Sprintf("%.2f ×", sizeRatio), within: ratio <= sizeRatio,
	})
	return nil
}

// manifestName is the line of a package.json that is changed; what it depends on stays.
var manifestName = regexp.MustCompile(`"name": "[^"]*"`)

// edit changes a line of a file of one of the two folders, to what the other one never has: BuildKit takes steps from its
// cache by what is in them, and whoever builds second would be given some of the first one's.
func (r *race) edit(dir, file, text string) error {
	path := filepath.Join(dir, file)
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text = filepath.Base(dir) + "-" + strings.ReplaceAll(text, " ", "-")
	switch {
	case versionLine.Match(before):
		return setVersion(dir, file, text)
	case manifestName.Match(before):
		return os.WriteFile(path, manifestName.ReplaceAll(before, fmt.Appendf(nil, `"name": %q`, text)), 0o644)
	}
	comment, ok := map[string]string{".html": "<!-- %s -->\n", ".py": "# %s\n"}[filepath.Ext(file)]
	if !ok {
		comment = "// %s\n"
	}
	return os.WriteFile(path, fmt.Appendf(before, comment, text), 0o644)
}

// built pushes what is in the work tree and returns how long its build took. It returns when the deployment is live.
func (a *app) built(ctx context.Context) (time.Duration, error) {
	if err := a.git(ctx, "add", "-A"); err != nil {
		return 0, err
	}
	if _, err := a.push(ctx, "build", "main"); err != nil {
		return 0, err
	}
	all, err := a.server.client.Deployments(ctx, a.name, 1)
	if err != nil || len(all) == 0 {
		return 0, errors.Join(err, errors.New("the push made no deployment"))
	}
	var began time.Time
	for e, err := range a.server.client.Events(ctx, client.EventQuery{Deployment: all[0].ID}) {
		switch {
		case err != nil:
			return 0, err
		case e.Kind == platform.EventBuild && e.Status == "RUNNING":
			began = e.Time
		case e.Kind == platform.EventBuild && e.Status == "FINISHED":
			return e.Time.Sub(began), nil
		}
	}
	return 0, fmt.Errorf("the build of %s has not finished", all[0].ID)
}
