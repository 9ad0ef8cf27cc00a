package builder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"csph/platform"
)

// loginTimeout bounds how long a registry may take to answer a login.
const loginTimeout = 20 * time.Second

// CheckLogin asks a registry at once whether it lets username in with that password, by a HEAD of its root with the token
// that it gives for them. A *platform.Failure tells apart a wrong login, a registry that cannot be reached, and one
// that is out of order.
func (b *Builder) CheckLogin(ctx context.Context, host, username, password string) error {
	registry, err := name.NewRegistry(platform.RegistryHost(host), name.StrictValidation)
	if err != nil {
		return fmt.Errorf("%w: %q is no host of a registry; write it as image references begin, such as ghcr.io or registry.example.com:5000", platform.ErrInvalid, host[strings.LastIndexByte(host, '@')+1:])
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	by := b.registryTransport()
	defer by.CloseIdleConnections()
	if err := head(ctx, by, registry, &authn.Basic{Username: username, Password: password}); err != nil {
		return loginFailure(host, err)
	}
	return nil
}

func head(ctx context.Context, by http.RoundTripper, registry name.Registry, login authn.Authenticator) error {
	t, err := transport.NewWithContext(ctx, registry, login, by, nil)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, registry.Scheme()+"://"+registry.RegistryStr()+"/v2/", nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: t}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return transport.CheckError(answer, http.StatusOK)
}

func loginFailure(host string, err error) error {
	f := &platform.Failure{Reason: platform.ImagePullFailed, Err: err}
	var closed bool
	if f.Message, f.Hint, closed = unreached(err); closed {
		return f
	}
	var answered *transport.Error
	var network net.Error
	switch {
	case errors.As(err, &answered) && (answered.StatusCode == http.StatusUnauthorized || answered.StatusCode == http.StatusForbidden):
		f.Message = fmt.Sprintf("the registry %s does not let this name and password in (%d)", host, answered.StatusCode)
		f.Hint = "check both; most registries want an access token in place of the password"
	case errors.As(err, &answered):
		f.Message = fmt.Sprintf("the registry %s answered with status %d", host, answered.StatusCode)
		f.Hint = "check the host; if it is right, try again later or ask the registry's operator"
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		f.Message = fmt.Sprintf("the registry %s cannot be reached", host)
		f.Hint = "check the host and port, and this machine's network"
	default:
		f.Message = fmt.Sprintf("%s does not answer as a registry does: %v", host, err)
		f.Hint = "check the host: it is what image references begin with"
	}
	return f
}
