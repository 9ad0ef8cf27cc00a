package builder

import (
	"strings"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks"
)

// slimmedFor reports whether a plan's run image is made of b without some of it.
func (b base) slimmedFor(p buildpacks.Plan) bool { return p.RunSlim != "" && !b.standIn }

// slim is a run image without what the plan's script takes out of it, in one layer: what a layer of the base has would
// stay in the image, though hidden. Images of other services that are made of the same base and packages share it.
func slim(service string, st llb.State, run base, p buildpacks.Plan) llb.State {
	if !run.slimmedFor(p) {
		return st
	}
	for _, kv := range withPath(run.env) {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	st = runStep(st, service, run, buildpacks.Step{Name: "take out of the run image what only builds need", Command: p.RunSlim})
	return llb.Scratch().File(llb.Copy(st, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true}), llb.WithCustomName("[internal] flatten the run image"))
}
