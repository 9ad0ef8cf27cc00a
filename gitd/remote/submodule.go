package remote

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"csph/platform"
)

// Submodule is the repository that a submodule's URL means in r: a relative one is next to r (gitmodules(5)). What opens
// r opens it if it is at the same host; one that is named by ssh there is reached the way r is.
func (r Repository) Submodule(address string) (Repository, error) {
	own, err := ParseURL(r.URL)
	if err != nil {
		return Repository{}, err
	}
	if strings.HasPrefix(address, "./") || strings.HasPrefix(address, "../") {
		there := *own
		there.Path = path.Join("/", own.Path, address)
		if strings.Trim(there.Path, "/") == "" {
			return Repository{}, fmt.Errorf("%w: the submodule's address %q leads out of the host", platform.ErrInvalid, address)
		}
		return Repository{URL: there.String(), Credential: r.Credential, LFS: r.LFS}, nil
	}
	u, err := ParseURL(address)
	if err != nil {
		return Repository{}, fmt.Errorf("the submodule's address: %w", err)
	}
	if u.Hostname() != own.Hostname() {
		return Repository{URL: u.String(), LFS: r.LFS}, nil
	}
	if u.Scheme == "ssh" && own.Scheme == "https" {
		u = &url.URL{Scheme: "https", Host: own.Host, Path: u.Path}
	}
	if u.Scheme != own.Scheme || u.Host != own.Host {
		return Repository{URL: u.String(), LFS: r.LFS}, nil
	}
	return Repository{URL: u.String(), Credential: r.Credential, LFS: r.LFS}, nil
}
