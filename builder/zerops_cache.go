package builder

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks/zerops"
)

// The cache of a zerops.yml has two layers: the container after prepareCommands, which BuildKit keeps, and what a build
// leaves, in a cache mount. Both go when one of the keys changes that the plan's CacheKey digests, or by hand.

// keeps are the mounts of the step that keeps the cache: where it goes, and for the whole container what the build has
// changed in it.
func (z zeropsBuild) keeps(prepared, built llb.State) []llb.RunOption {
	opts := []llb.RunOption{z.cacheMount()}
	if z.Cache.All {
		changed := llb.Diff(prepared, built, llb.WithCustomName("[internal] what the build has changed"))
		opts = append(opts, llb.AddMount(changedFolder, changed, llb.Readonly))
	}
	return opts
}

// preparesFromSource reports whether prepareCommands may look at the source, which is in the container before them.
func (z zeropsBuild) preparesFromSource() bool {
	return slices.ContainsFunc(z.PrepareCommands, func(c string) bool { return strings.Contains(c, path.Dir(zerops.SourceFolder)) })
}

// prepareBesideSource runs prepareCommands with the source in its place, and is the container with both. Their cache key
// must not know the source: they are skipped while the cache is valid, whatever has changed in it. So it reaches them
// in a cache mount, filled anew for each build by a step whose output is always the same.
func (z zeropsBuild) prepareBesideSource(st, src llb.State) llb.State {
	stage := llb.AsPersistentCacheDir(cacheID(z.service, "zerops/"+z.Setup+"/staged"), llb.CacheMountShared)
	from := llb.AddMount(stagedFolder, src, llb.Readonly)
	fill := st.Run(llb.Args([]string{"/bin/sh", "-e", "-c", stageScript}), from, llb.AddMount(zerops.SourceFolder, llb.Scratch(), stage),
		llb.WithCustomName("bring source to prepareCommands"), llb.IgnoreCache)
	filled := fill.AddMount(filledFolder, llb.Scratch())
	st = z.prepare(st, llb.AddMount(filledFolder, filled, llb.Readonly), llb.AddMount(zerops.SourceFolder, llb.Scratch(), stage))
	return st.Run(llb.Args([]string{"/bin/sh", "-e", "-c", unstageScript}), from, llb.AddMount(filledFolder, llb.Scratch(), stage),
		llb.WithCustomName("copy source to "+zerops.SourceFolder)).Root()
}

// prepare runs prepareCommands. Their variables come as secrets, which no cache key knows: only what SPEC section 3
// names makes them run again.
func (z zeropsBuild) prepare(st llb.State, opts ...llb.RunOption) llb.State {
	for _, name := range slices.Sorted(maps.Keys(z.BuildEnv)) {
		opts = append(opts, llb.AddSecret(name, llb.SecretID(zeropsSecret(name)), llb.SecretAsEnv(true), llb.SecretOptional))
	}
	for i, command := range z.PrepareCommands {
		st = z.command(st, fmt.Sprintf("prepareCommands %d/%d: %s", i+1, len(z.PrepareCommands), oneLine(command)), zerops.PrepareFolder, command, opts...)
	}
	return st
}

// zeropsSecret is the id of the secret that carries a variable to prepareCommands.
func zeropsSecret(name string) string { return "zerops.env." + name }

// key changes with whatever makes the cache invalid.
func (z zeropsBuild) key() string { return z.CacheKey + z.Cleared }

// cacheMount is where the files of build.cache are kept; what makes them invalid changes its name.
func (z zeropsBuild) cacheMount() llb.RunOption {
	id := cacheID(z.service, "zerops/"+z.Setup+"/"+z.key())
	return llb.AddMount(zerops.CacheFolder, llb.Scratch(), llb.AsPersistentCacheDir(id, llb.CacheMountShared))
}
