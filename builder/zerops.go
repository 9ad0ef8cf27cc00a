package builder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks"
	"csph/buildpacks/zerops"
	"csph/platform"
)

// settleBases makes the base images of a zerops.yml's plan ready and returns the plan with those that could be had,
// and the variables of them all. Where an Alpine image cannot be had, the Debian one is used, and that is said.
func (s *solve) settleBases(ctx context.Context, p buildpacks.Plan) (buildpacks.Plan, error) {
	if p.Zerops == nil {
		return p, nil
	}
	z := *p.Zerops
	z.BuildImages = slices.Clone(z.BuildImages)
	var found []base
	said := map[string]bool{}
	for i, image := range z.BuildImages {
		b, err := s.available(ctx, image, said)
		if err != nil {
			return p, err
		}
		z.BuildImages[i] = zerops.Image{Name: b.name}
		found = append(found, b)
	}
	run, err := s.available(ctx, z.RunImage, said)
	if err != nil {
		return p, err
	}
	z.RunImage = zerops.Image{Name: run.name}
	if z.Cleared, err = s.builder.clearings().of(s.request.Service); err != nil {
		return p, err
	}
	if len(found) > 0 {
		p.BuildImage, p.BuildEnv = found[0].name, jointEnv(found)
	}
	p.RunImage, p.Zerops = run.name, &z
	return p, nil
}

// available is the image, or the one in its place, which is said once for each.
func (s *solve) available(ctx context.Context, image zerops.Image, said map[string]bool) (base, error) {
	b, err := s.base(ctx, image.Name)
	var refused *platform.Failure
	if err == nil || image.Instead == "" || !errors.As(err, &refused) {
		return b, err
	}
	if !said[image.Name] {
		said[image.Name] = true
		s.log.Step(fmt.Sprintf("warning: base image %s cannot be had here; %s, which is Debian, takes its place: install packages with apt-get, not with apk",
			displayName(image.Name), displayName(image.Instead)))
	}
	return s.base(ctx, image.Instead)
}

// jointEnv are the variables of several bases: the first one that has a variable wins, and PATH has the folders of
// all.
func jointEnv(bases []base) map[string]string {
	env, paths := map[string]string{}, []string{}
	for _, b := range bases {
		for _, kv := range withPath(b.env) {
			k, v, _ := strings.Cut(kv, "=")
			if k == "PATH" {
				paths = append(paths, strings.Split(v, ":")...)
			} else if _, ok := env[k]; !ok {
				env[k] = v
			}
		}
	}
	var joint []string
	for _, dir := range paths {
		if !slices.Contains(joint, dir) {
			joint = append(joint, dir)
		}
	}
	env["PATH"] = strings.Join(joint, ":")
	return env
}

// zeropsBuild turns a zerops.yml's plan into LLB. The build container's life is that of SPEC section 3: bases, source,
// cached files back, prepareCommands, buildCommands, deployFiles, cached files kept.
type zeropsBuild struct {
	service string
	plan    buildpacks.Plan
	*zerops.Plan
	build, run base
	env        map[string]string
	survey     survey
}

func zeropsState(service string, p buildpacks.Plan, build, run base, env map[string]string, s survey) (llb.State, error) {
	z := zeropsBuild{service: service, plan: p, Plan: p.Zerops, build: build, run: run, env: env, survey: s}
	built, err := z.container()
	if err != nil {
		return built, err
	}
	return z.image(built)
}

// container is the build container after the build.
func (z zeropsBuild) container() (llb.State, error) {
	src := llb.Local(sourceMount, llb.SharedKeyHint(z.service), llb.WithCustomName("upload source"))
	source := llb.Copy(src, "/", zerops.SourceFolder+"/", &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true})
	if len(z.BuildImages) == 0 {
		return llb.Scratch().File(source, llb.WithCustomName("copy source")), nil
	}
	st := z.base()
	if z.preparesFromSource() {
		st = z.prepareBesideSource(st, src)
	} else {
		st = z.prepare(st).File(source, llb.WithCustomName("copy source to "+zerops.SourceFolder))
	}
	prepared := st
	if z.Cache.Any() {
		st = z.step(st, "restore the cache: "+z.Cache.String(), restoreScript(z.Cache), z.cacheMount())
	}
	st = z.commands(st)
	st = z.step(st, "collect deployFiles: "+writtenAs(z.DeployFiles), checkScript(slices.Concat(z.DeployFiles, z.AddToRunPrepare)))
	if z.Cache.Any() {
		st = z.step(st, "keep in the cache: "+z.Cache.String(), keepScript(z.Cache), z.keeps(prepared, st)...)
	}
	return st, nil
}

// base is the container before anything happens in it: the bases laid over each other, the first on top.
func (z zeropsBuild) base() llb.State {
	st := z.build.state()
	if len(z.BuildImages) > 1 {
		layers := []llb.State{}
		for _, image := range slices.Backward(z.BuildImages) {
			layers = append(layers, base{name: image.Name}.state())
		}
		st = llb.Merge(layers, llb.WithCustomName("join the bases of the build"))
	}
	for _, k := range slices.Sorted(maps.Keys(z.plan.BuildEnv)) {
		st = st.AddEnv(k, z.plan.BuildEnv[k])
	}
	if z.plan.BuildEnv["HOME"] == "" {
		st = st.AddEnv("HOME", "/root")
	}
	return st.File(llb.Mkdir(zerops.PrepareFolder, 0o755, llb.WithParents(true)), llb.WithCustomName("[internal] make folders"))
}

// commands runs buildCommands, each in a shell of its own, with the variables of the build.
func (z zeropsBuild) commands(st llb.State) llb.State {
	for _, vars := range []map[string]string{z.env, z.BuildEnv} {
		for _, k := range slices.Sorted(maps.Keys(vars)) {
			st = st.AddEnv(k, vars[k])
		}
	}
	for i, command := range z.BuildCommands {
		st = z.command(st, fmt.Sprintf("buildCommands %d/%d: %s", i+1, len(z.BuildCommands), oneLine(command)), zerops.SourceFolder, command)
	}
	return st
}

// command runs one of the user's commands, with the caches of package managers. The cache key is an argument that
// nothing reads: a change of it makes the command run again.
func (z zeropsBuild) command(st llb.State, name, dir, command string, opts ...llb.RunOption) llb.State {
	opts = append(slices.Clone(opts), llb.Args([]string{"/bin/sh", "-e", "-c", command, "sh", z.key()}), llb.Dir(dir), llb.WithCustomName(name), sudo())
	for _, cache := range z.PackageCaches {
		from, mount := llb.Scratch(), []llb.MountOption{llb.AsPersistentCacheDir(cacheID(z.service, cache), llb.CacheMountShared)}
		if slices.Contains(z.build.seed, cache) {
			from, mount = z.build.state(), append(mount, llb.SourcePath(cache))
		}
		opts = append(opts, llb.AddMount(cache, from, mount...))
	}
	return st.Run(opts...).Root()
}

// step runs a script of csph's own in the source.
func (z zeropsBuild) step(st llb.State, name, script string, opts ...llb.RunOption) llb.State {
	opts = append(opts, llb.Args([]string{"/bin/sh", "-e", "-c", script}), llb.Dir(zerops.SourceFolder), llb.WithCustomName(name))
	return st.Run(opts...).Root()
}

// sudo brings a command of this name, which files written for Zerops call: the steps run as root already.
func sudo() llb.RunOption {
	script := llb.Scratch().File(llb.Mkfile("/sudo", 0o755, []byte(sudoScript)), llb.WithCustomName("[internal] sudo"))
	return llb.AddMount("/usr/local/bin/sudo", script, llb.SourcePath("/sudo"), llb.Readonly)
}

// image is the run image with what is deployed in it.
func (z zeropsBuild) image(built llb.State) (llb.State, error) {
	st, err := z.prepared(built)
	if err == nil {
		st, err = withServer(slim(z.service, st, z.run, z.plan), z.run, z.plan)
	}
	if err != nil {
		return st, err
	}
	for _, c := range z.plan.Copy {
		op, err := copyOp(origin{}.from(c, survey{}), c, "", time.Time{})
		if err != nil {
			return st, err
		}
		st = st.File(op, llb.WithCustomName("copy "+c.From+" of "+displayName(c.Image)))
	}
	if len(z.plan.Files) > 0 {
		st = st.File(files(z.plan.Files, z.survey.manifests), llb.WithCustomName("write files of the plan"))
	}
	for _, selection := range z.DeployFiles {
		op, err := z.take(built, selection, zerops.DeployFolder, z.Ignore, z.survey.newest)
		if err != nil {
			return st, err
		}
		st = st.File(op, llb.WithCustomName("deploy "+selection.As))
	}
	return st, nil
}

// preparedAt is the time of files that the run image is prepared with: one that says nothing of the source, since
// only their content may make it be prepared again.
var preparedAt = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// prepared is the custom run image: it has nothing of the app in it but what addToRunPrepare names, and is made again
// only when that, run.base, run.os or run.prepareCommands changes.
func (z zeropsBuild) prepared(built llb.State) (llb.State, error) {
	st := z.runBase()
	if len(z.RunPrepare) == 0 {
		return st, nil
	}
	for _, selection := range z.AddToRunPrepare {
		op, err := z.take(built, selection, zerops.PrepareFolder, nil, preparedAt)
		if err != nil {
			return st, err
		}
		st = st.File(op, llb.WithCustomName("copy "+selection.As+" to "+zerops.PrepareFolder))
	}
	for _, kv := range withPath(z.run.env) {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	for i, command := range z.RunPrepare {
		args := []string{"/bin/sh", "-e", "-c", command}
		if z.Cleared != "" {
			args = append(args, "sh", z.Cleared)
		}
		st = st.Run(
			llb.Args(args), llb.Dir(zerops.PrepareFolder), sudo(),
			llb.WithCustomName(fmt.Sprintf("run.prepareCommands %d/%d: %s", i+1, len(z.RunPrepare), oneLine(command))),
		).Root()
	}
	return st, nil
}

// runBase is the base of the run image with its folders.
func (z zeropsBuild) runBase() llb.State {
	var owner []llb.MkdirOption
	owner = append(owner, llb.WithParents(true), llb.WithCreatedTime(preparedAt))
	if uid, err := strconv.Atoi(z.plan.User); err == nil {
		owner = append(owner, llb.WithUIDGID(uid, uid))
	}
	op := llb.Mkdir(zerops.PrepareFolder, 0o755, owner...).Mkdir(zerops.DeployFolder, 0o755, owner...)
	return z.run.state().File(op, llb.WithCustomName("[internal] make folders of the run image"))
}

// take copies what a selection names, with the folders above it that are kept, to a folder.
func (z zeropsBuild) take(built llb.State, s zerops.Selection, to string, ignore []string, created time.Time) (*llb.FileAction, error) {
	info := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true, ExcludePatterns: ignore}
	if s.Match != "." {
		info.IncludePatterns = []string{s.Match}
	}
	uid, err := strconv.Atoi(z.plan.User)
	if err != nil {
		return nil, fmt.Errorf("plan: user %q is not a number", z.plan.User)
	}
	opts := []llb.CopyOption{info, llb.WithUIDGID(uid, uid)}
	if !created.IsZero() {
		opts = append(opts, llb.WithCreatedTime(created))
	}
	from := zerops.SourceFolder
	if s.Below != "" {
		from += "/" + s.Below
	}
	return llb.Copy(built, from, to+"/", opts...), nil
}

func writtenAs(all []zerops.Selection) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.As
	}
	return strings.Join(names, ", ")
}

// oneLine is a command as the name of a step.
func oneLine(command string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(command), "\n")
	if rest != "" || len(line) > 80 {
		line = line[:min(len(line), 80)] + " …"
	}
	return line
}
