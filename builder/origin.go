package builder

import (
	"strings"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks"
)

// origin is where the copies of a plan take the app's files from.
type origin struct {
	built llb.State // the build container with the whole source in it
	// late says that the source came when the last step was over: then installed is the container before that, and
	// source what came.
	late      bool
	installed llb.State
	source    llb.State
	steps     int
}

// from is where c copies from, in the order in which one lies over the other. Where no step has seen the whole source,
// it goes from the client to the image at once, not by way of the build container; and what steps have installed is
// taken from where a change of the source does not make BuildKit look at all of it again.
func (o origin) from(c buildpacks.Copy, s survey) []part {
	switch {
	case c.Image != "":
		return []part{{base{name: c.Image}.state(), c.From}}
	case o.late && c.From == workDir && o.steps == 0:
		return []part{{o.source, "/"}}
	case o.late && c.From == workDir:
		return []part{{o.installed, workDir}, {o.source, "/"}}
	case o.late && !s.covers(c.From):
		return []part{{o.installed, c.From}}
	}
	return []part{{o.built, c.From}}
}

// part is a folder or a file in a state.
type part struct {
	state llb.State
	path  string
}

// covers reports whether the source has something at a path of the build container. A survey that was not asked for
// the path takes it that it has.
func (s survey) covers(path string) bool {
	inner, inside := strings.CutPrefix(path, workDir+"/")
	if !inside {
		return strings.HasPrefix(workDir+"/", strings.TrimSuffix(path, "/")+"/")
	}
	return !s.absent[inner]
}

// insideSource are the paths in the source that a plan's copies take by their own names.
func insideSource(copies []buildpacks.Copy) []string {
	var paths []string
	for _, c := range copies {
		if inner, ok := strings.CutPrefix(c.From, workDir+"/"); ok && c.Image == "" {
			paths = append(paths, inner)
		}
	}
	return paths
}
