package builder

import (
	"context"
	"time"

	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
)

// solve is one order to BuildKit.
type solve struct {
	builder  *Builder
	request  Request
	log      *Log
	progress *progress
	options  client.SolveOpt
	contexts map[string]string // more build contexts of a Dockerfile, as the frontend's attributes

	survey survey
	bases  []base // all images that the build starts or copies from
	onto   base   // the one that the result is on; zero where that is not known before
	fickle bool   // the same order may bring something else tomorrow
	inputs string // digest of all that the image is made of; empty when the build is fickle

	began time.Time                    // when BuildKit got the order
	added []*intoto.ResourceDescriptor // what a Dockerfile adds from elsewhere
}

// base makes a base image ready; "" is the empty image.
func (s *solve) base(ctx context.Context, name string) (base, error) {
	found, err := s.builder.bases.get(ctx, name, s.log)
	if err == nil && name != "" {
		s.bases = append(s.bases, found)
	}
	return found, err
}

// runner hands the prepared build to BuildKit.
type runner func(ctx context.Context, c *client.Client, status chan *client.SolveStatus) error

func (b *Builder) newSolve(r Request, log *Log) (*solve, error) {
	mounts, err := mountsOf(r)
	if err != nil {
		return nil, err
	}
	s := &solve{builder: b, request: r, log: log, progress: newProgress(log)}
	s.progress.mask = maskOf(r, b.config.Settings)
	log.hide(s.progress.mask)
	s.options = client.SolveOpt{
		SharedKey:   r.Service, // unchanged files of the service are not sent again
		LocalMounts: mounts,
		Session:     []session.Attachable{secretsprovider.FromMap(s.secrets())},
		Exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{
			"name": imageName(r.Service, r.Deployment), "unpack": "true", "compression": "uncompressed", "oci-mediatypes": "true",
		}}},
	}
	return s, nil
}

// run solves and follows the progress to its end.
func (s *solve) run(ctx context.Context, run runner) error {
	c, err := s.builder.buildkit(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	status := make(chan *client.SolveStatus)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		s.progress.follow(status)
	}()
	err = run(ctx, c, status)
	<-followed
	return err
}
