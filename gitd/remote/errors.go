package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"csph/platform"
)

// HostKeyError says that a host shows another key than before.
type HostKeyError struct{ Host, Known, Shown string }

func (e *HostKeyError) Error() string {
	return fmt.Sprintf("%s shows the key %s, and used to show %s", e.Host, e.Shown, e.Known)
}

// RefError says that a repository has no such branch or tag.
type RefError struct {
	Ref   string
	There []string // the branches that there are, the first few
}

func (e *RefError) Error() string {
	return fmt.Sprintf("the repository has no %s; its branches are %s", e.Ref, strings.Join(e.There, ", "))
}

// explain turns what went wrong into what the user is told.
func explain(doing, address string, err error) error {
	f := &platform.Failure{Reason: platform.BuildFailed, Message: fmt.Sprintf("the repository %s could not be %s: %v", address, doing, err), Err: err}
	var (
		closed   *AddressError
		key      *HostKeyError
		ref      *RefError
		notFound *net.DNSError
	)
	switch {
	case errors.Is(err, platform.ErrInvalid): // the address, which may hold what nobody is to read
		f.Message = "this is no address of a repository: " + strings.TrimPrefix(err.Error(), platform.ErrInvalid.Error()+": ")
		f.Hint = "Write for example https://example.com/owner/name.git; a token goes with it: csph services connect-repo --token-file."
	case errors.As(err, &closed):
		f.Message = fmt.Sprintf("the repository %s is not reached: %v", address, closed)
		f.Hint = "The server's operator can allow the network: remote.allow in csphd's configuration."
	case errors.As(err, &key):
		f.Message = "the repository's host is not trusted: " + key.Error()
		f.Hint = "If its key was changed on purpose, the server's operator removes the line from ssh/known_hosts in csphd's state folder."
	case errors.As(err, &ref):
		f.Message, f.Hint = ref.Error(), "csph services connect-repo --branch names another one."
	case refused(err):
		f.Message = fmt.Sprintf("the repository %s asks for a credential, or for a better one", address)
		f.Hint = "csph services connect-repo sets a token or a deploy key that may read it."
	case errors.Is(err, transport.ErrRepositoryNotFound):
		f.Message = fmt.Sprintf("there is no repository %s, or its credential does not open it", address)
		f.Hint = "Check the address; a private one needs a token or a deploy key: csph services connect-repo."
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		f.Message, f.Hint = fmt.Sprintf("the repository %s is empty", address), "Push a commit to it first."
	case errors.As(err, &notFound):
		f.Message, f.Hint = fmt.Sprintf("there is no host %s", notFound.Name), "Check the repository's address."
	case errors.Is(err, context.DeadlineExceeded):
		f.Message, f.Hint = fmt.Sprintf("the repository %s did not answer in time", address), "Deploy again; csph deployments redeploy does."
	}
	return f
}

// refused reports whether the host wants another credential.
func refused(err error) bool {
	var answer *githttp.Err
	if errors.As(err, &answer) && (answer.StatusCode() == http.StatusUnauthorized || answer.StatusCode() == http.StatusForbidden) {
		return true
	}
	return errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) ||
		strings.Contains(err.Error(), "unable to authenticate") // x/crypto/ssh has no error of its own for it
}
