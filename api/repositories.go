package api

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/crypto/ssh"

	"csph/api/wire"
	"csph/platform"
)

type connectRepository struct {
	ServicePath
	IfMatch
	Body wire.NewRepository
}

func (s *Server) repositoryOperations(api huma.API) {
	op := func(id, method, summary string) operation {
		return operation{id: id, method: method, path: "/v1/services/{service}/repository", tag: "sources", summary: summary}
	}
	add(s, api, op("get-repository", http.MethodGet, "Get the repository that a service is connected to"), s.getRepository)
	add(s, api, op("connect-repository", http.MethodPut, "Connect a service to a repository, once that has let csph in"), s.connectRepository)
	add(s, api, op("disconnect-repository", http.MethodDelete, "Forget the repository of a service; what is live stays"), s.disconnectRepository)
}

// repositoryTag names a state of what can be changed of a connection: not what polling and reporting have noted.
func repositoryTag(r platform.Repository) platform.Repository {
	r.Polled, r.Muted = "", ""
	return r
}

func (s *Server) getRepository(ctx context.Context, in *ServicePath) (*tagged[platform.Repository], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	r, err := s.Records.Repository(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	return &tagged[platform.Repository]{ETag: etag(repositoryTag(r)), Body: r}, nil
}

func (s *Server) connectRepository(ctx context.Context, in *connectRepository) (*tagged[wire.Connected], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	r := platform.Repository{
		URL: strings.TrimSpace(in.Body.URL), Branch: in.Body.Branch, User: in.Body.User,
		Poll: time.Duration(in.Body.PollSeconds) * time.Second, By: caller(ctx).MemberName,
		Provider: in.Body.Provider, Watch: in.Body.Watch, LFS: in.Body.LFS,
	}
	if err := s.Remotes.CheckRepository(r); err != nil {
		return nil, err
	}
	secret, public, err := credential(&r, in.Body)
	if err != nil {
		return nil, err
	}
	out := wire.Connected{PublicKey: public}
	if public == "" { // one that was just made opens nothing yet
		if out.Commit, err = s.Remotes.Probe(ctx, r, secret); err != nil {
			return nil, err
		}
	}
	out.Repository, err = s.Records.ConnectRepository(ctx, svc.ID, r, secret, func(r platform.Repository) error { return in.check(repositoryTag(r)) })
	if err != nil {
		return nil, err
	}
	return &tagged[wire.Connected]{ETag: etag(repositoryTag(out.Repository)), Body: out}, nil
}

// credential takes the credential out of a request, or makes one, and notes its kind in r.
func credential(r *platform.Repository, n wire.NewRepository) (secret []byte, public string, err error) {
	given := 0
	for _, is := range []bool{n.Token != "", n.DeployKey != "", n.MakeKey} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, "", fmt.Errorf("%w: give a token or a deploy key, or have one made; one of the three", platform.ErrInvalid)
	case n.Token != "":
		r.Credential = platform.ByToken
		return []byte(n.Token), "", nil
	case n.DeployKey != "":
		r.Credential = platform.ByDeployKey
		return []byte(n.DeployKey), "", nil
	case n.MakeKey:
		r.Credential = platform.ByDeployKey
		return makeDeployKey()
	}
	return nil, "", nil
}

// makeDeployKey makes a key pair: the private half in PEM, the public one as authorized_keys has it.
func makeDeployKey() (private []byte, public string, err error) {
	shown, hidden, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make deploy key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(hidden, "csph")
	if err != nil {
		return nil, "", fmt.Errorf("make deploy key: %w", err)
	}
	key, err := ssh.NewPublicKey(shown)
	if err != nil {
		return nil, "", fmt.Errorf("make deploy key: %w", err)
	}
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " csph", nil
}

func (s *Server) disconnectRepository(ctx context.Context, in *ServicePath) (*none, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	err = s.Records.DisconnectRepository(ctx, svc.ID)
	if errors.Is(err, platform.ErrNotFound) {
		err = fmt.Errorf("%w: service %s is connected to no repository", platform.ErrNotFound, svc.Name)
	}
	return nil, err
}
