package builder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

// rewrite returns def with change applied to every operation, references between operations and the
// metadata of each (names, source locations) brought along. BuildKit names an operation by the digest of
// its bytes, so that a change of one renames all that depend on it.
func rewrite(def *pb.Definition, change func(*pb.Op)) (*pb.Definition, error) {
	ops := make(map[string]*pb.Op, len(def.Def))
	for _, b := range def.Def {
		op := new(pb.Op)
		if err := proto.Unmarshal(b, op); err != nil {
			return nil, fmt.Errorf("read a build definition: %w", err)
		}
		ops[digest.FromBytes(b).String()] = op
	}
	r := rewriter{ops: ops, renamed: make(map[string]string, len(ops)), change: change, out: &pb.Definition{
		Metadata: make(map[string]*pb.OpMetadata, len(def.Metadata)),
	}}
	for _, b := range def.Def {
		if _, err := r.op(digest.FromBytes(b).String()); err != nil {
			return nil, err
		}
	}
	for old, meta := range def.Metadata {
		r.out.Metadata[r.name(old)] = meta
	}
	if def.Source != nil {
		r.out.Source = &pb.Source{Infos: def.Source.Infos, Locations: make(map[string]*pb.Locations, len(def.Source.Locations))}
		for old, l := range def.Source.Locations {
			r.out.Source.Locations[r.name(old)] = l
		}
	}
	return r.out, nil
}

type rewriter struct {
	ops     map[string]*pb.Op
	renamed map[string]string
	change  func(*pb.Op)
	out     *pb.Definition
}

func (r *rewriter) name(old string) string {
	if n, ok := r.renamed[old]; ok {
		return n
	}
	return old
}

// op rewrites the operation called old, those it depends on first, and returns its new name.
func (r *rewriter) op(old string) (string, error) {
	if n, ok := r.renamed[old]; ok {
		return n, nil
	}
	op, ok := r.ops[old]
	if !ok {
		return "", fmt.Errorf("read a build definition: operation %s is missing", old)
	}
	for _, in := range op.Inputs {
		n, err := r.op(in.Digest)
		if err != nil {
			return "", err
		}
		in.Digest = n
	}
	r.change(op)
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(op)
	if err != nil {
		return "", fmt.Errorf("write a build definition: %w", err)
	}
	n := digest.FromBytes(b).String()
	r.renamed[old] = n
	r.out.Def = append(r.out.Def, b)
	return n, nil
}

// equip returns the change that puts every RUN of a build into its cgroup and gives it the host's
// settings, and the service's secrets of the given names as variables and files. All their values travel as
// secrets: they are in no image, no cache key and no file of BuildKit's. What the build sets itself wins.
func equip(cgroup string, s HostSettings, secrets []string) func(*pb.Op) {
	return func(op *pb.Op) {
		exec := op.GetExec()
		if exec == nil {
			return
		}
		exec.Meta.CgroupParent = cgroup
		exec.Meta.RemoveMountStubsRecursive = true
		for _, f := range s.files() {
			exec.Mounts = append(exec.Mounts, &pb.Mount{
				Input: -1, Output: -1, Dest: f.path, MountType: pb.MountType_SECRET,
				SecretOpt: &pb.SecretOpt{ID: f.id, Mode: 0o444, Optional: true},
			})
		}
		for _, name := range s.names() {
			if !hasEnv(exec.Meta.Env, name) && !hasSecretEnv(exec.Secretenv, name) {
				exec.Secretenv = append(exec.Secretenv, &pb.SecretEnv{ID: secretEnvID(name), Name: name, Optional: true})
			}
		}
		for _, name := range secrets {
			exec.Mounts = append(exec.Mounts, &pb.Mount{
				Input: -1, Output: -1, Dest: secretDir + name, MountType: pb.MountType_SECRET,
				SecretOpt: &pb.SecretOpt{ID: name, Mode: 0o400, Optional: true},
			})
			if !hasEnv(exec.Meta.Env, name) && !hasSecretEnv(exec.Secretenv, name) {
				exec.Secretenv = append(exec.Secretenv, &pb.SecretEnv{ID: name, Name: name, Optional: true})
			}
		}
	}
}

func hasEnv(env []string, name string) bool {
	return slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

func hasSecretEnv(env []*pb.SecretEnv, name string) bool {
	return slices.ContainsFunc(env, func(s *pb.SecretEnv) bool { return s.Name == name })
}

// forgetSession takes out of an operation what is of this one build alone.
func forgetSession(op *pb.Op) {
	if source := op.GetSource(); source != nil {
		delete(source.Attrs, pb.AttrLocalUniqueID)
	}
}
