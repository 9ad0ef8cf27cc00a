package builder

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks"
)

// inPlace is the run image with a plan's steps that belong to it done in it, so that nothing of what they install is
// copied. Only what they leave in workDir stays; it gets the plan's user, and a time that says nothing of when it was made.
func inPlace(service string, st llb.State, p buildpacks.Plan, run base, src llb.State, env map[string]string) llb.State {
	if len(p.RunSteps) == 0 {
		return st
	}
	st = environment(st, run, p.BuildEnv, env)
	for _, step := range p.RunSteps {
		if len(step.Inputs) > 0 {
			st = st.File(copySource(src, step.Inputs, llb.WithCreatedTime(preparedAt)), llb.WithCustomName(copyName(step)))
		}
		step.Command += finish(p.User)
		st = runStep(st, service, run, step, discarded("/tmp"), discarded("/root"))
	}
	return st
}

// finish is the end of such a step's script.
func finish(user string) string {
	script := fmt.Sprintf("\nfind %s -exec touch -h -d @%d {} +", workDir, preparedAt.Unix())
	if user != "" {
		script = fmt.Sprintf("\nchown -hR %s:%s %s", user, user, workDir) + script
	}
	return script
}

// discarded is a folder whose files are in memory, and gone after the step.
func discarded(dir string) llb.RunOption { return llb.AddMount(dir, llb.Scratch(), llb.Tmpfs()) }

// environment sets what steps on a base image see: the image's own variables and then vars, the later ones winning.
func environment(st llb.State, b base, vars ...map[string]string) llb.State {
	for _, kv := range withPath(b.env) {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	for _, set := range vars {
		for _, k := range slices.Sorted(maps.Keys(set)) {
			st = st.AddEnv(k, set[k])
		}
	}
	return st
}
