package remote

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"csph/platform"
)

// Repository is where a repository is, and what opens it.
type Repository struct {
	URL        string // https://…, ssh://…, user@host:path, or host/path for https
	Credential Credential
	LFS        bool // whether the contents of Git LFS files are wanted
}

// Credential opens a repository; the zero one opens public repositories.
type Credential struct {
	// User goes with Token: "" for what the host's tokens ask for.
	User  string
	Token string // over https
	Key   []byte // private key in PEM, over ssh
}

// scp matches the short form of ssh addresses, user@host:path.
var scp = regexp.MustCompile(`^([A-Za-z0-9_.-]+)@([A-Za-z0-9.-]+):([^/].*|/.*)$`)

// bare matches addresses that say no more than a host with a dot in it, and a path.
var bare = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?/`)

// ParseURL returns the URL of a repository in its full form; platform.ErrInvalid says what is wrong with it.
func ParseURL(text string) (*url.URL, error) {
	if m := scp.FindStringSubmatch(text); m != nil && !strings.Contains(text, "://") {
		text = "ssh://" + m[1] + "@" + m[2] + "/" + strings.TrimPrefix(m[3], "/")
	}
	if bare.MatchString(text) {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the repository's address is no URL", platform.ErrInvalid)
	}
	_, password := u.User.Password()
	switch {
	case password || (u.Scheme == "https" || u.Scheme == "http") && u.User != nil:
		return nil, fmt.Errorf("%w: leave the credential out of the address and give it as a token; addresses end up in logs", platform.ErrInvalid)
	case u.Scheme != "https" && u.Scheme != "ssh" && u.Scheme != "http":
		return nil, fmt.Errorf("%w: repositories are reached by https:// or ssh:// (or user@host:path), not by %q", platform.ErrInvalid, text[strings.LastIndexByte(text, '@')+1:])
	case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
		return nil, fmt.Errorf("%w: %q names no repository; write for example https://example.com/owner/name.git", platform.ErrInvalid, shown(u))
	case strings.HasPrefix(u.Hostname(), "-") || strings.HasPrefix(u.Path, "/-"):
		return nil, fmt.Errorf("%w: %q: a host or path cannot begin with a hyphen", platform.ErrInvalid, shown(u))
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%w: %q: the address of a repository has neither ? nor #", platform.ErrInvalid, shown(u))
	}
	return u, nil
}

// shown is an address without what may be a secret in it: who asks, and the query.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// userFor is the user name that goes with a token.
func userFor(c Credential, host string) string {
	if c.User != "" {
		return c.User
	}
	return tokenUser(host)
}

// tokenUser is the user name that a host wants with its tokens.
func tokenUser(host string) string {
	if host == "bitbucket.org" {
		return "x-token-auth"
	}
	return "oauth2" // GitLab's; the others take any
}
