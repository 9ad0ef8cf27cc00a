package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"csph/platform"
)

// Config says where a Client may go.
type Config struct {
	// Allow are networks that may be reached although they are private.
	Allow []netip.Prefix
	// KnownHosts is the file that remembers the keys of ssh hosts.
	KnownHosts string
	// Roots are the authorities of https hosts; nil for the machine's.
	Roots *x509.CertPool
}

// Client reaches repositories. Its methods may be called from any goroutine.
type Client struct {
	guard *guard
	keys  *hostKeys
	http  *http.Client
}

// Bounds of a connection.
const (
	dialTime  = 15 * time.Second
	replyTime = time.Minute // until a server begins to answer
)

// New returns a client that goes where config says.
func New(config Config) *Client {
	g := newGuard(config.Allow)
	dialer := &net.Dialer{Timeout: dialTime, Control: g.control}
	return &Client{
		guard: g, keys: &hostKeys{path: config.KnownHosts},
		http: &http.Client{Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: replyTime,
			IdleConnTimeout: replyTime, TLSClientConfig: &tls.Config{RootCAs: config.Roots, MinVersion: tls.VersionTLS12},
		}},
	}
}

// Transport carries requests to the hosts that repositories may be at, and to no other. Its connections are shared.
func (c *Client) Transport() http.RoundTripper { return c.http.Transport }

// connect opens a session for fetching. Nothing is sent over the network by https yet.
func (c *Client) connect(ctx context.Context, r Repository) (transport.UploadPackSession, error) {
	u, err := ParseURL(r.URL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "ssh" {
		return c.connectSSH(ctx, u, r.Credential)
	}
	if u.Scheme == "http" && r.Credential.Token != "" {
		return nil, fmt.Errorf("%w: a token is not sent without encryption; use https", platform.ErrInvalid)
	}
	endpoint, err := transport.NewEndpoint(u.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %v", platform.ErrInvalid, err)
	}
	var auth transport.AuthMethod
	if r.Credential.Token != "" {
		auth = &githttp.BasicAuth{Username: userFor(r.Credential, u.Hostname()), Password: r.Credential.Token}
	}
	return githttp.NewClient(c.http).NewUploadPackSession(endpoint, auth)
}

// connectSSH connects to an address that was looked up and judged here: go-git would look the name up by itself.
func (c *Client) connectSSH(ctx context.Context, u *url.URL, credential Credential) (transport.UploadPackSession, error) {
	if len(credential.Key) == 0 {
		return nil, transport.ErrAuthenticationRequired
	}
	signer, err := ssh.ParsePrivateKey(credential.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: the deploy key cannot be read: %v", platform.ErrInvalid, err)
	}
	addr, err := c.lookUp(ctx, u.Hostname())
	if err != nil {
		return nil, err
	}
	endpoint, err := transport.NewEndpoint(u.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %v", platform.ErrInvalid, err)
	}
	host := net.JoinHostPort(u.Hostname(), portOf(u))
	algorithms, err := c.keys.algorithms(host)
	if err != nil {
		return nil, err
	}
	endpoint.Host = addr.String()
	return gitssh.NewClient(nil).NewUploadPackSession(endpoint, deployKey{&ssh.ClientConfig{
		User: userOf(u), Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: c.keys.check(host), HostKeyAlgorithms: algorithms, Timeout: dialTime,
	}})
}

// deployKey is how go-git is told all of an ssh connection: its own kinds leave the timeout out.
type deployKey struct{ config *ssh.ClientConfig }

func (deployKey) Name() string   { return "deploy-key" }
func (deployKey) String() string { return "deploy key" }

func (k deployKey) ClientConfig() (*ssh.ClientConfig, error) { return k.config, nil }

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return "22"
}

func userOf(u *url.URL) string {
	if name := u.User.Username(); name != "" {
		return name
	}
	return "git"
}

// lookUp returns the first address of host that may be reached.
func (c *Client) lookUp(ctx context.Context, host string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	var refusals error
	for _, addr := range addrs {
		err := c.guard.check(addr)
		if err == nil {
			return addr.Unmap(), nil
		}
		refusals = errors.Join(refusals, err)
	}
	return netip.Addr{}, refusals
}
