package builder

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/buildpacks"
)

const (
	sourceMount = "source" // name of the session's folder that holds the source
	workDir     = "/app"
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	exportStep  = "exporting to image" // BuildKit's own name for the last vertex
)

// base is a base image whose configuration is known. The zero base is the empty image.
type base struct {
	name   string
	digest string
	size   int64 // bytes, of its layers as they are stored
	env    []string
	// history says how its layers were made.
	history []ocispecs.History
	// seed names folders of the image that new cache mounts at the same path start from.
	seed []string
	// server is the image that csph's file server is copied from, of a site's run image that does not have it.
	server string
	// standIn says that it is one made here, which has nothing in it that only builds need.
	standIn bool
}

// planDefinition turns a plan without a Dockerfile into LLB. The result depends on the arguments
// alone, so that equal plans over equal sources are the same vertices.
func planDefinition(ctx context.Context, service string, p buildpacks.Plan, build, run base, env map[string]string, s survey) (*llb.Definition, error) {
	final, err := planState(service, p, build, run, env, s)
	if err != nil {
		return nil, err
	}
	def, err := final.Marshal(ctx, llb.LinuxAmd64)
	if err != nil {
		return nil, fmt.Errorf("marshal the plan: %w", err)
	}
	return def, nil
}

// planState gives what it copies into the image times that follow from the source: the same source makes the same
// image, and a changed one newer files, as browsers' caches want it.
func planState(service string, p buildpacks.Plan, build, run base, env map[string]string, s survey) (llb.State, error) {
	if p.Zerops != nil {
		return zeropsState(service, p, build, run, env, s)
	}
	src := llb.Local(sourceMount, llb.SharedKeyHint(service), llb.WithCustomName("upload source"))
	app := origin{built: src}
	if p.BuildImage != "" {
		var err error
		if app, err = buildState(service, p, build, src, env); err != nil {
			return app.built, err
		}
	}
	final, err := withServer(inPlace(service, slim(service, runPackages(service, run, p.RunPackages), run, p), p, run, src, env), run, p)
	if err != nil {
		return final, err
	}
	if len(p.Files) > 0 {
		final = final.File(files(p.Files, s.manifests), llb.WithCustomName("write files of the plan"))
	}
	for i, c := range p.Copy {
		op, err := copyOp(app.from(c, s), c, p.User, copyTime(p.Copy, i, s))
		if err != nil {
			return final, err
		}
		final = final.File(op, llb.WithCustomName("copy "+c.From))
	}
	return final, nil
}

// runPackages is the run image with Debian packages installed. They come before anything of the app, so
// that they are installed once.
func runPackages(service string, run base, packages []string) llb.State {
	st := run.state()
	if len(packages) == 0 {
		return st
	}
	for _, kv := range withPath(run.env) {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	return runStep(st, service, run, buildpacks.Step{
		Name: "install " + strings.Join(packages, ", ") + " into the run image",
		Command: "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends " +
			strings.Join(packages, " ") + "; rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb",
	})
}

func (b base) state() llb.State {
	if b.name == "" {
		return llb.Scratch()
	}
	return llb.Image(b.name, llb.ResolveModePreferLocal, llb.WithCustomName("base image "+displayName(b.name)))
}

// buildState brings the tools and runs the steps. The source comes in as late as the steps' inputs allow.
func buildState(service string, p buildpacks.Plan, build base, src llb.State, env map[string]string) (origin, error) {
	st := environment(build.state(), build, p.BuildEnv, env)
	for _, tool := range p.Tools {
		op, err := copyOp(origin{built: st}.from(tool, survey{}), tool, "", time.Time{})
		if err != nil {
			return origin{built: st}, err
		}
		st = st.File(op, llb.WithCustomName("copy "+tool.From+" of "+displayName(tool.Image)))
	}
	whole := false
	for _, step := range p.Steps {
		if !whole && (step.Inputs == nil || len(step.Inputs) > 0) {
			st = st.File(copySource(src, step.Inputs), llb.WithCustomName(copyName(step)))
			whole = step.Inputs == nil
		}
		st = runStep(st, service, build, step)
	}
	if whole {
		return origin{built: st}, nil
	}
	built := st.File(copySource(src, nil), llb.WithCustomName("copy source"))
	return origin{built: built, late: true, installed: st, source: src, steps: len(p.Steps)}, nil
}

func copyName(s buildpacks.Step) string {
	if s.Inputs == nil {
		return "copy source"
	}
	return "copy " + strings.Join(s.Inputs, ", ")
}

// copySource copies the source, or what matches inputs, over workDir.
func copySource(src llb.State, inputs []string, opts ...llb.CopyOption) *llb.FileAction {
	info := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, IncludePatterns: inputs}
	return llb.Copy(src, "/", workDir+"/", append([]llb.CopyOption{info}, opts...)...)
}

func runStep(st llb.State, service string, build base, step buildpacks.Step, more ...llb.RunOption) llb.State {
	opts := []llb.RunOption{
		llb.Args([]string{"/bin/sh", "-e", "-c", step.Command}),
		llb.Dir(workDir),
		llb.WithCustomName(step.Name),
	}
	for _, dir := range step.Caches {
		from, mount := llb.Scratch(), []llb.MountOption{llb.AsPersistentCacheDir(cacheID(service, dir), llb.CacheMountShared)}
		if slices.Contains(build.seed, dir) {
			from, mount = build.state(), append(mount, llb.SourcePath(dir))
		}
		opts = append(opts, llb.AddMount(dir, from, mount...))
	}
	return st.Run(append(opts, more...)...).Root()
}

// cacheID names a cache mount; clearing a service's caches finds it by the prefix. All mounts are
// shared rather than locked: builds of a service never overlap, and BuildKit keeps a cancelled step's
// locked mount locked.
func cacheID(service, dir string) string { return cachePrefix(service) + dir }

func cachePrefix(service string) string { return "csph/" + service + ":" }

// copyTime is the time that the files of a plan's ith copy get; zero for their own. What a later copy leaves out, such
// as node_modules, is made of the manifests alone, and must stay as it is while they do.
func copyTime(copies []buildpacks.Copy, i int, s survey) time.Time {
	c := copies[i]
	if c.Image != "" {
		return time.Time{} // another image has its own, always the same
	}
	if !strings.HasPrefix(c.From+"/", workDir+"/") && !s.manifests.IsZero() {
		return s.manifests // what lies outside of the source was installed, before the source was there
	}
	for _, later := range copies[i+1:] {
		if inner, ok := strings.CutPrefix(c.From, strings.TrimSuffix(later.From, "/")+"/"); ok && slices.Contains(later.Exclude, inner) {
			return s.manifests
		}
	}
	return s.newest
}

func copyOp(from []part, c buildpacks.Copy, user string, created time.Time) (*llb.FileAction, error) {
	opts := []llb.CopyOption{&llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, ExcludePatterns: c.Exclude,
	}}
	if !created.IsZero() {
		opts = append(opts, llb.WithCreatedTime(created))
	}
	if user != "" {
		uid, err := strconv.Atoi(user)
		if err != nil {
			return nil, fmt.Errorf("plan: user %q is not a number", user)
		}
		opts = append(opts, llb.WithUIDGID(uid, uid))
	}
	op := llb.Copy(from[0].state, from[0].path, c.To, opts...)
	for _, f := range from[1:] {
		op = op.Copy(f.state, f.path, c.To, opts...)
	}
	return op, nil
}

// files writes content. It is copied from where it is alone, since only a copy gives the folders above a file its time,
// too; they are root's and 0755, as in every base image.
func files(content map[string]string, created time.Time) *llb.FileAction {
	var op *llb.FileAction
	for _, name := range slices.Sorted(maps.Keys(content)) {
		dir := path.Dir(name)
		if op == nil {
			op = llb.Mkdir(dir, 0o755, llb.WithParents(true))
		} else {
			op = op.Mkdir(dir, 0o755, llb.WithParents(true))
		}
		op = op.Mkfile(name, 0o644, []byte(content[name]))
	}
	opts := []llb.CopyOption{&llb.CopyInfo{CopyDirContentsOnly: true}}
	if !created.IsZero() {
		opts = append(opts, llb.WithCreatedTime(created))
	}
	return llb.Copy(llb.Scratch().File(op, llb.WithCustomName("[internal] files of the plan")), "/", "/", opts...)
}

// imageConfig is the configuration of the image that a plan makes.
func imageConfig(p buildpacks.Plan, run base) ocispecs.Image {
	env := withPath(run.env)
	for _, k := range slices.Sorted(maps.Keys(p.Env)) {
		env = setEnv(env, k, p.Env[k])
	}
	img := ocispecs.Image{
		Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		Config: ocispecs.ImageConfig{
			Env: env, User: withGroup(p.User), WorkingDir: workFolder(p.Zerops),
			Labels: map[string]string{"csph.language": p.Language},
		},
		History: slices.Clone(run.history),
	}
	if run.slimmedFor(p) {
		img.History = nil // the layers are others
	}
	img.Config.Cmd = startCommand(p)
	if p.Port != 0 {
		img.Config.ExposedPorts = map[string]struct{}{fmt.Sprintf("%d/tcp", p.Port): {}}
	}
	return img
}

// withGroup gives a bare uid the group of the same number, as its files have; without one it would be root's.
func withGroup(user string) string {
	if user == "" || strings.Contains(user, ":") {
		return user
	}
	return user + ":" + user
}

func withPath(env []string) []string {
	if slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
		return slices.Clone(env)
	}
	return append([]string{"PATH=" + defaultPath}, env...)
}

// setEnv returns env with k set to v, in place where k was set before.
func setEnv(env []string, k, v string) []string {
	for i, kv := range env {
		if strings.HasPrefix(kv, k+"=") {
			env[i] = k + "=" + v
			return env
		}
	}
	return append(env, k+"="+v)
}

// displayName is an image name as people write it.
func displayName(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, imagePrefix), "docker.io/"), "library/")
}
