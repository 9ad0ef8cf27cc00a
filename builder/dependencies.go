package builder

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/purl"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/platform"
)

// dependencies are what the image was made of, as its account tells it: the source, the base images, and what a
// Dockerfile adds from elsewhere. What steps download is not known.
func (s *solve) dependencies() []*intoto.ResourceDescriptor {
	var all []*intoto.ResourceDescriptor
	if source := describeSource(s.request.Source); source != nil {
		all = append(all, source)
	}
	seen := map[string]bool{}
	for _, b := range s.bases {
		if !seen[b.name] {
			seen[b.name] = true
			all = append(all, &intoto.ResourceDescriptor{Uri: imageURI(b.name), Digest: digestSet(b.digest)})
		}
	}
	return append(all, s.added...)
}

// describeSource names a source by its commit, or by the digest of an upload; nil for one that has neither.
func describeSource(source platform.Source) *intoto.ResourceDescriptor {
	if source.Revision == "" {
		return nil
	}
	d := &intoto.ResourceDescriptor{Name: "source", Digest: digestSet(source.Revision)}
	if source.Kind == platform.FromGit {
		d.Digest = map[string]string{intoto.AlgorithmGitCommit.String(): source.Revision}
		if address := withoutLogin(source.Repository); address != "" {
			d.Uri = "git+" + address
		}
	}
	return d
}

// imageURI is the package URL of an image, such as pkg:docker/debian@bookworm-slim?platform=linux%2Famd64.
func imageURI(name string) string {
	uri, err := purl.RefToPURL("docker", name, &ocispecs.Platform{OS: "linux", Architecture: "amd64"})
	if err != nil {
		return "docker-image://" + name // as BuildKit calls it
	}
	return uri
}

// digestSet is a digest such as sha256:… as in-toto writes it.
func digestSet(digest string) map[string]string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		algorithm, hex = intoto.AlgorithmSHA256.String(), digest
	}
	return map[string]string{algorithm: hex}
}

// withoutLogin is an address without a name and a password; empty when it is none.
func withoutLogin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return ""
	}
	u.User = nil
	return u.String()
}

// addedFrom reports whether a source of BuildKit's is one elsewhere, which ADD of a Dockerfile names.
func addedFrom(source *pb.SourceOp) bool {
	for _, scheme := range []string{"http://", "https://", "git://"} {
		if strings.HasPrefix(source.GetIdentifier(), scheme) {
			return true
		}
	}
	return false
}

// noteAdded looks up what a source elsewhere is right now, for the account. One that cannot be looked up is named without
// a digest: whether it can be had is for the build to say.
func (s *solve) noteAdded(ctx context.Context, resolver sourceresolver.MetaResolver, source *pb.SourceOp) {
	d := &intoto.ResourceDescriptor{Uri: withoutLogin(source.GetIdentifier())}
	if is, err := resolver.ResolveSourceMetadata(ctx, source, sourceresolver.Opt{}); err == nil {
		switch {
		case is.HTTP != nil:
			d.Digest = digestSet(is.HTTP.Digest.String())
		case is.Git != nil:
			d.Digest = map[string]string{intoto.AlgorithmGitCommit.String(): cmp.Or(is.Git.CommitChecksum, is.Git.Checksum)}
		}
	}
	s.added = append(s.added, d)
}
