package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/containerd/errdefs"
	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"csph/platform"
)

// An account of how an image was made is SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance). It lies in the
// engine's record of the image: made and removed with it, and no content that BuildKit would have to export. It holds
// no build arguments and no names of secrets.
const (
	slsaType  = "https://slsa.dev/provenance/v1"
	buildType = "urn:csph:build:v1" // docs/builds.md says what its parameters mean
	builderID = "csph"
	// provenanceLabel and a number, from 0, name the labels of an image's record that hold the pieces of its account.
	provenanceLabel = "csph.provenance."
	labelBytes      = 4000 // of a piece: a label has at most 4096 bytes, those of its name included
)

// Provenance returns how an image that was built here was made: an in-toto statement with SLSA provenance v1 as its
// predicate. The error is platform.ErrNotFound when the image is gone, or was pulled, or was built before images had one.
func (b *Builder) Provenance(ctx context.Context, image platform.Image) (json.RawMessage, error) {
	found, err := b.engine.ImageService().Get(b.inNamespace(ctx), image.Ref)
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("%w: image %s is not kept any more", platform.ErrNotFound, image.Ref)
	}
	if err != nil {
		return nil, fmt.Errorf("find image %s: %w", image.Ref, err)
	}
	account := joinPieces(found.Labels)
	if account == "" || found.Target.Digest.String() != image.Digest {
		return nil, fmt.Errorf("%w: image %s has no account of how it was made: it was pulled, or was built by an earlier csph", platform.ErrNotFound, image.Ref)
	}
	return stateAbout(image, account)
}

// stateAbout makes a statement about image of an account.
func stateAbout(image platform.Image, account string) (json.RawMessage, error) {
	predicate := new(structpb.Struct)
	if err := protojson.Unmarshal([]byte(account), predicate); err != nil {
		return nil, fmt.Errorf("decode the provenance of image %s: %w", image.Ref, err)
	}
	statement, err := protojson.Marshal(&intoto.Statement{
		Type:          intoto.StatementTypeUri,
		Subject:       []*intoto.ResourceDescriptor{{Name: image.Ref, Digest: digestSet(image.Digest)}},
		PredicateType: slsaType, Predicate: predicate,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the provenance of image %s: %w", image.Ref, err)
	}
	return statement, nil
}

// account is how the image was made, in the pieces that its record holds. It is over now.
func (s *solve) account() (map[string]string, error) {
	parameters, err := s.parameters()
	if err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(&slsa.Provenance{
		BuildDefinition: &slsa.BuildDefinition{BuildType: buildType, ExternalParameters: parameters, ResolvedDependencies: s.dependencies()},
		RunDetails: &slsa.RunDetails{
			Builder: &slsa.Builder{Id: builderID},
			Metadata: &slsa.BuildMetadata{
				InvocationId: s.request.Deployment, StartedOn: timestamppb.New(s.began), FinishedOn: timestamppb.New(time.Now()),
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode how the image was made: %w", err)
	}
	return inPieces(string(text)), nil
}

// parameters are what the build was asked for.
func (s *solve) parameters() (*structpb.Struct, error) {
	p := s.request.Plan
	all := map[string]any{"service": s.request.Service, "deployment": s.request.Deployment, "noCache": s.request.NoCache}
	for name, value := range map[string]string{"dockerfile": p.Dockerfile, "language": p.Language, "framework": p.Framework, "dir": p.Dir} {
		if value != "" {
			all[name] = strings.ToValidUTF8(value, "\uFFFD")
		}
	}
	parameters, err := structpb.NewStruct(all)
	if err != nil {
		return nil, fmt.Errorf("encode what the build was asked for: %w", err)
	}
	return parameters, nil
}

// inPieces cuts an account up for labels, never within a character: labels are UTF-8.
func inPieces(account string) map[string]string {
	pieces := map[string]string{}
	for account != "" {
		end := min(labelBytes, len(account))
		for end < len(account) && !utf8.RuneStart(account[end]) {
			end--
		}
		pieces[provenanceLabel+strconv.Itoa(len(pieces))] = account[:end]
		account = account[end:]
	}
	return pieces
}

// joinPieces is the account that the labels of an image's record hold; empty when they hold none.
func joinPieces(labels map[string]string) string {
	var account strings.Builder
	for i := 0; ; i++ {
		piece, ok := labels[provenanceLabel+strconv.Itoa(i)]
		if !ok {
			return account.String()
		}
		account.WriteString(piece)
	}
}
