package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/protobuf/encoding/protojson"

	"csph/platform"
)

const commitOfTest = "d670460b4b4aece5915caf5c68d12f560a9fe3e4"

func TestEachImageHasAnAccountOfHowItWasMadeThatTellsNoSecret(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	dir := source(t, map[string]string{"Dockerfile": "FROM debian:bookworm-slim\nARG PUBLIC_URL\nRUN --mount=type=secret,id=TOKEN true\nCOPY . /app\n", "f": "x"})
	for _, r := range []Request{
		{Deployment: "dep_prov1", Plan: shellPlan("true")},
		{Deployment: "dep_prov2", Plan: dockerfilePlan()},
	} {
		r.Service, r.Dir = "svc_"+r.Deployment, dir
		r.Secrets, r.Env = map[string]string{"TOKEN": "hunter2-of-the-service"}, map[string]string{"PUBLIC_URL": "https://public.example.com"}
		r.Source = platform.Source{Kind: platform.FromGit, Revision: commitOfTest, Repository: "https://bot:hunter2@git.example.com/app"}
		began := time.Now()
		image, err := l.Build(ctx, r)
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText(r.Deployment))
		}
		raw, err := l.Provenance(ctx, image)
		must(t, err)
		s, p := readAccount(t, raw)
		if len(s.Subject) != 1 || "sha256:"+s.Subject[0].Digest["sha256"] != image.Digest {
			t.Errorf("%s: it is about %v", r.Deployment, s.Subject)
		}
		ran := p.RunDetails.Metadata
		if ran.InvocationId != r.Deployment || ran.StartedOn.AsTime().Before(began) || ran.FinishedOn.AsTime().Before(ran.StartedOn.AsTime()) || ran.FinishedOn.AsTime().After(time.Now()) {
			t.Errorf("%s: it ran %v, not within %s and now", r.Deployment, ran, began)
		}
		madeOf := p.BuildDefinition.ResolvedDependencies
		if len(madeOf) != 2 || madeOf[0].Digest["gitCommit"] != commitOfTest || madeOf[0].Uri != "git+https://git.example.com/app" ||
			!strings.Contains(madeOf[1].Uri, "debian@bookworm-slim") || madeOf[1].Digest["sha256"] == "" {
			t.Errorf("%s: it is made of %v", r.Deployment, madeOf)
		}
		for _, hidden := range []string{"hunter2", "TOKEN", "public.example.com", l.host.Dir, "/csph-", dir, "GOPROXY", "csph.env"} {
			if strings.Contains(string(raw), hidden) {
				t.Errorf("%s: %q is in\n%s", r.Deployment, hidden, raw)
			}
		}
		must(t, l.Forget(ctx, image))
		if _, err := l.Provenance(ctx, image); !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("%s: of an image that is gone: %v", r.Deployment, err)
		}
	}
}

// readAccount holds a statement against in-toto's and SLSA's own rules.
func readAccount(t *testing.T, raw json.RawMessage) (*intoto.Statement, *slsa.Provenance) {
	t.Helper()
	s, p := new(intoto.Statement), new(slsa.Provenance)
	must(t, protojson.Unmarshal(raw, s))
	must(t, s.Validate())
	predicate, err := protojson.Marshal(s.Predicate)
	must(t, err)
	must(t, protojson.Unmarshal(predicate, p))
	must(t, p.Validate())
	if s.PredicateType != slsaType || p.RunDetails.Builder.Id != "csph" {
		t.Errorf("it is %s by %s", s.PredicateType, p.RunDetails.Builder.Id)
	}
	return s, p
}

func TestALongAccountIsInTheImagesRecordWhole(t *testing.T) {
	for _, n := range []int{0, 1, labelBytes - 1, labelBytes, 3*labelBytes + 1} {
		account := strings.Repeat("ü", n)
		pieces := inPieces(account)
		for name, piece := range pieces {
			if len(name)+len(piece) > 4096 || !utf8.ValidString(piece) {
				t.Errorf("%d characters: a piece of %d bytes, called %s, or half of a character", n, len(piece), name)
			}
		}
		if joinPieces(pieces) != account {
			t.Errorf("%d characters: other text comes out of %d pieces", n, len(pieces))
		}
	}
}

func TestAnAccountOfManyBaseImagesIsKept(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(time.Minute)
	image, err := l.Build(ctx, Request{Deployment: "dep_prov3", Service: "svc_prov3", Dir: source(t, map[string]string{"f": "x"}), Plan: shellPlan()})
	if err != nil {
		t.Fatalf("%v\n%s", err, l.logText("dep_prov3"))
	}
	s := &solve{builder: l.Builder, request: Request{Deployment: "dep_prov3"}}
	for i := range 100 {
		s.bases = append(s.bases, base{name: fmt.Sprintf("registry.example.com/base%d:1", i), digest: image.Digest})
	}
	must(t, s.label(ctx, image))
	raw, err := l.Provenance(ctx, image)
	must(t, err)
	if _, p := readAccount(t, raw); len(p.BuildDefinition.ResolvedDependencies) != 100 {
		t.Errorf("it is made of %d", len(p.BuildDefinition.ResolvedDependencies))
	}
	image.Digest = "sha256:" + strings.Repeat("0", 64)
	if _, err := l.Provenance(ctx, image); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("of another image under the same name: %v", err)
	}
}

// resolver knows what two addresses are.
type resolver struct{}

func (resolver) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	switch op.Identifier {
	case "https://me:secret@example.com/tool.tgz":
		return &sourceresolver.MetaResponse{HTTP: &sourceresolver.ResolveHTTPResponse{Digest: "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}}, nil
	case "git://example.com/tool.git#v1":
		return &sourceresolver.MetaResponse{Git: &sourceresolver.ResolveGitResponse{Checksum: "of the tag", CommitChecksum: commitOfTest}}, nil
	}
	return nil, errors.New("cannot be reached")
}

func TestWhatADockerfileAddsFromElsewhereIsInTheAccountWithoutItsPassword(t *testing.T) {
	s := &solve{}
	for _, address := range []string{"https://me:secret@example.com/tool.tgz", "git://example.com/tool.git#v1", "http://example.com/gone"} {
		source := &pb.SourceOp{Identifier: address}
		if !addedFrom(source) {
			t.Errorf("%s counts as no source elsewhere", address)
		}
		s.noteAdded(t.Context(), resolver{}, source)
	}
	if addedFrom(nil) || addedFrom(&pb.SourceOp{Identifier: "docker-image://debian"}) {
		t.Error("a base image counts as added")
	}
	var got []string
	for _, d := range s.dependencies() {
		got = append(got, d.Uri+" "+strings.Join(slices.Collect(maps.Values(d.Digest)), ""))
	}
	want := []string{
		"https://example.com/tool.tgz 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
		"git://example.com/tool.git#v1 " + commitOfTest, "http://example.com/gone ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestASourceIsNamedByItsCommitOrTheDigestOfItsUpload(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for _, c := range []struct {
		source platform.Source
		uri    string
		digest map[string]string
	}{
		{platform.Source{Kind: platform.FromGit, Revision: commitOfTest}, "", map[string]string{"gitCommit": commitOfTest}},
		{platform.Source{Kind: platform.FromGit, Revision: commitOfTest, Repository: "git@git.example.com:app"}, "", map[string]string{"gitCommit": commitOfTest}},
		{platform.Source{Kind: platform.FromGit, Revision: commitOfTest, Repository: "ssh://git@git.example.com/app"}, "git+ssh://git.example.com/app", map[string]string{"gitCommit": commitOfTest}},
		{platform.Source{Kind: platform.FromTarball, Revision: sum}, "", map[string]string{"sha256": sum}},
	} {
		d := describeSource(c.source)
		if d.Uri != c.uri || !maps.Equal(d.Digest, c.digest) {
			t.Errorf("%+v is described as %v", c.source, d)
		}
		must(t, d.Validate())
	}
	if d := describeSource(platform.Source{}); d != nil {
		t.Errorf("no source is described as %v", d)
	}
}
