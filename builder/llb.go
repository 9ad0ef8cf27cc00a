package builder

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

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
	name string
	env  []string
	// seed names folders of the image that new cache mounts at the same path start from.
	seed []string
}

// planDefinition turns a plan without a Dockerfile into LLB. The result depends on the arguments
// alone, so that equal plans over equal sources are the same vertices.
func planDefinition(ctx context.Context, service string, p buildpacks.Plan, build, run base, env map[string]string) (*llb.Definition, error) {
	final, err := planState(service, p, build, run, env)
	if err != nil {
		return nil, err
	}
	def, err := final.Marshal(ctx, llb.LinuxAmd64)
	if err != nil {
		return nil, fmt.Errorf("marshal the plan: %w", err)
	}
	return def, nil
}

func planState(service string, p buildpacks.Plan, build, run base, env map[string]string) (llb.State, error) {
	src := llb.Local(sourceMount, llb.SharedKeyHint(service), llb.WithCustomName("upload source"))
	built := src
	if p.BuildImage != "" {
		built = buildState(service, p, build, src, env)
	}
	final := runPackages(service, run, p.RunPackages)
	if len(p.Files) > 0 {
		final = final.File(files(p.Files), llb.WithCustomName("write files of the plan"))
	}
	for _, c := range p.Copy {
		op, err := copyOp(built, c, p.User)
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

// buildState runs the steps. The source comes in as late as the steps' inputs allow.
func buildState(service string, p buildpacks.Plan, build base, src llb.State, env map[string]string) llb.State {
	st := build.state()
	for _, kv := range withPath(build.env) {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	for _, vars := range []map[string]string{p.BuildEnv, env} {
		for _, k := range slices.Sorted(maps.Keys(vars)) {
			st = st.AddEnv(k, vars[k])
		}
	}
	whole := false
	for _, step := range p.Steps {
		if !whole {
			st = st.File(copySource(src, step.Inputs), llb.WithCustomName(copyName(step)))
			whole = step.Inputs == nil
		}
		st = runStep(st, service, build, step)
	}
	if !whole {
		st = st.File(copySource(src, nil), llb.WithCustomName("copy source"))
	}
	return st
}

func copyName(s buildpacks.Step) string {
	if s.Inputs == nil {
		return "copy source"
	}
	return "copy " + strings.Join(s.Inputs, ", ")
}

// copySource copies the source, or what matches inputs, over workDir.
func copySource(src llb.State, inputs []string) *llb.FileAction {
	return llb.Copy(src, "/", workDir+"/", &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, IncludePatterns: inputs,
	})
}

func runStep(st llb.State, service string, build base, step buildpacks.Step) llb.State {
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
	return st.Run(opts...).Root()
}

// cacheID names a cache mount; clearing a service's caches finds it by the prefix. All mounts are
// shared rather than locked: builds of a service never overlap, and BuildKit keeps a cancelled step's
// locked mount locked.
func cacheID(service, dir string) string { return cachePrefix(service) + dir }

func cachePrefix(service string) string { return "csph/" + service + ":" }

func copyOp(built llb.State, c buildpacks.Copy, user string) (*llb.FileAction, error) {
	opts := []llb.CopyOption{&llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, ExcludePatterns: c.Exclude,
	}}
	if user != "" {
		uid, err := strconv.Atoi(user)
		if err != nil {
			return nil, fmt.Errorf("plan: user %q is not a number", user)
		}
		opts = append(opts, llb.WithUIDGID(uid, uid))
	}
	return llb.Copy(built, c.From, c.To, opts...), nil
}

func files(content map[string]string) *llb.FileAction {
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
	return op
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
			Env: env, User: withGroup(p.User), WorkingDir: workDir,
			Labels: map[string]string{"csph.language": p.Language},
		},
	}
	if p.Start != "" {
		img.Config.Cmd = shellCommand(p.Start)
	}
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
	return strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
}
