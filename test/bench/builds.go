package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/pkg/namespaces"

	"csph/api/client"
	"csph/builder"
	"csph/buildpacks"
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

// dockerfiles are what a careful author would write for the sample apps; CACHE stands for the name of their caches.
//
//go:embed dockerfiles
var dockerfiles embed.FS

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

// startsFrom finds the images that a Dockerfile starts from.
var startsFrom = regexp.MustCompile(`(?m)^FROM (\S+)`)

// bringBases makes them ready: csph may make the app's image of something else, and buildctl finds what is there alone.
func (r *race) bringBases(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(r.raw, dockerfileIn))
	if err != nil {
		return err
	}
	for _, m := range startsFrom.FindAllSubmatch(text, -1) {
		_, err := r.floor.builder.Order(ctx, builder.Request{
			Deployment: "bench-bases", Service: "floor", Dir: r.raw, Plan: buildpacks.Plan{RunImage: string(m[1])},
		})
		if err != nil {
			return fmt.Errorf("bring base image %s: %w", m[1], err)
		}
	}
	return nil
}

// writeDockerfile puts the app's Dockerfile for buildctl into its folder, with caches of the given name.
func (r *race) writeDockerfile(caches string) error {
	var text []byte
	var err error
	if r.dockerfile == "" {
		text, err = os.ReadFile(filepath.Join(r.raw, "Dockerfile"))
	} else {
		text, err = dockerfiles.ReadFile("dockerfiles/" + r.dockerfile)
	}
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("CACHE"), []byte(caches+"-"+r.sample))
	return os.WriteFile(filepath.Join(r.raw, dockerfileIn), text, 0o644)
}

// hostSecrets are what buildctl needs to reach this machine's registries.
func hostSecrets(ctx context.Context, dir string) ([]string, error) {
	settings, err := builder.ReadHostSettings(ctx)
	if err != nil {
		return nil, err
	}
	var args []string
	for id, content := range map[string][]byte{"npmrc": settings.NPMRC, "ca": settings.CABundle} {
		path := filepath.Join(dir, "raw-"+id)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--secret", "id="+id+",src="+path)
	}
	return args, nil
}

func (r *race) run(ctx context.Context, rounds int, report func(figure)) error {
	if _, _, err := r.round(ctx, nil); err != nil { // warms both up
		return err
	}
	if err := r.sizes(ctx, report); err != nil {
		return err
	}
	ours, floor, err := r.rounds(ctx, "no change", rounds, nil)
	if err != nil {
		return err
	}
	report(excessOf("build of no change, "+r.title, ours, floor, sameOver))
	for _, kind := range []struct{ what, file string }{{"one line", r.code}, {"dependencies", r.manifest}} {
		if kind.file == "" {
			continue
		}
		ours, floor, err := r.rounds(ctx, kind.what, rounds, func(dir string, n int) error { return r.edit(dir, kind.file, kind.what+strconv.Itoa(n)) })
		if err != nil {
			return err
		}
		report(ratioOf("build of "+kind.what+", "+r.title, ours, floor, buildRatio))
	}
	return r.cold(ctx, min(rounds, coldRounds), report)
}

// rounds builds both ways in turns, after a change to both folders.
func (r *race) rounds(ctx context.Context, what string, n int, change func(dir string, n int) error) (ours, floor []time.Duration, err error) {
	for i := range n {
		var apply func(string) error
		if change != nil {
			apply = func(dir string) error { return change(dir, i+1) }
		}
		o, f, err := r.round(ctx, apply)
		if err != nil {
			return nil, nil, err
		}
		r.bench.note("build of %s, %s, round %d: %s, buildctl %s", what, r.title, i+1, milliseconds(o), milliseconds(f))
		ours, floor = append(ours, o), append(floor, f)
	}
	return ours, floor, nil
}

func (r *race) round(ctx context.Context, change func(dir string) error) (ours, floor time.Duration, err error) {
	for _, dir := range []string{r.app.dir, r.raw} {
		if change != nil {
			if err := change(dir); err != nil {
				return 0, 0, err
			}
		}
	}
	if ours, err = r.app.built(ctx); err != nil { // the first time, this brings the base images
		return 0, 0, err
	}
	floor, err = r.buildctl(ctx)
	return ours, floor, err
}

// cold compares builds that find nothing cached but the base images: of a new service, and by buildctl with --no-cache
// and caches of another name.
func (r *race) cold(ctx context.Context, rounds int, report func(figure)) error {
	var ours, floor []time.Duration
	for n := range rounds {
		raw, built, err := r.coldRound(ctx, n)
		if err != nil {
			return err
		}
		r.bench.note("cold build, %s: %s, buildctl %s", r.title, milliseconds(built), milliseconds(raw))
		ours, floor = append(ours, built), append(floor, raw)
	}
	report(ratioOf("cold build, "+r.title, ours, floor, buildRatio))
	return nil
}

func (r *race) coldRound(ctx context.Context, n int) (floor, ours time.Duration, err error) {
	cold := "cold" + strconv.Itoa(n)
	for _, dir := range []string{r.app.dir, r.raw} {
		if err := r.edit(dir, r.code, cold); err != nil {
			return 0, 0, err
		}
	}
	if err := r.writeDockerfile(cold); err != nil {
		return 0, 0, err
	}
	if floor, err = r.buildctl(ctx, "--no-cache"); err != nil {
		return 0, 0, err
	}
	r.app.name = r.sample + "-" + cold
	if err := r.app.git(ctx, "remote", "set-url", "csph", "ssh://git@"+r.app.server.ssh+"/"+r.app.name); err != nil {
		return 0, 0, err
	}
	ours, err = r.app.built(ctx)
	return floor, ours, err
}

func (r *race) image() string { return "csph.local/raw-" + r.sample + ":latest" }

// buildctl builds the folder with its Dockerfile, into containerd's store, as csph does.
func (r *race) buildctl(ctx context.Context, more ...string) (time.Duration, error) {
	state := r.floor.server.state
	args := append([]string{
		"--addr", "unix://" + filepath.Join(state, "buildkit", "buildkitd.sock"), "build", "--progress", "plain", "--frontend", "dockerfile.v0",
		"--local", "context=" + r.raw, "--local", "dockerfile=" + r.raw, "--opt", "filename=" + dockerfileIn, "--opt", "image-resolve-mode=local",
		"--output", "type=image,name=" + r.image() + ",unpack=true,compression=uncompressed",
	}, append(r.secrets, more...)...)
	began := time.Now()
	out, err := exec.CommandContext(ctx, filepath.Join(r.floor.server.bin, "buildctl"), args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("buildctl: %w\n%s", err, out)
	}
	return time.Since(began), nil
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
