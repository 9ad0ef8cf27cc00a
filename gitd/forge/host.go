package forge

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"csph/gitd/remote"
	"csph/gitd/webhook"
	"csph/platform"
)

// Provider is who keeps a repository: those of webhook, but the generic one.
type Provider = webhook.Provider

// ProviderOf tells who keeps a repository by its host, where that is one that everybody knows; "" where it is not.
func ProviderOf(host string) Provider {
	switch {
	case host == "github.com" || host == "ssh.github.com":
		return webhook.GitHub
	case host == "gitlab.com" || host == "altssh.gitlab.com":
		return webhook.GitLab
	case host == "bitbucket.org":
		return webhook.Bitbucket
	case host == "dev.azure.com" || host == "ssh.dev.azure.com" || strings.HasSuffix(host, ".visualstudio.com"):
		return webhook.AzureDevOps
	case host == "codeberg.org" || host == "gitea.com":
		return webhook.Gitea
	}
	return ""
}

// site is a repository at its host's API.
type site struct {
	provider Provider
	api      *url.URL // base, with a slash at the end
	name     string   // owner/name, as the API writes it, escaped for a path
}

// newSites finds the places where a repository's API may be, the likeliest first: at the provider, or on the host of the
// repository where that is one's own.
func newSites(provider Provider, repository string) ([]site, error) {
	u, err := remote.ParseURL(repository)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" {
		return nil, fmt.Errorf("%w: a token is reported with to repositories over https only, not to %s", platform.ErrInvalid, repository)
	}
	d, ok := dialects()[provider]
	if !ok {
		return nil, fmt.Errorf("%w: the host of %s is none that csph can report to", platform.ErrInvalid, repository)
	}
	segments := strings.Split(strings.Trim(strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git"), "/"), "/")
	base, name := d.locate(u, segments)
	if name == "" {
		return nil, fmt.Errorf("%w: %s is not of the form that repositories of %s have", platform.ErrInvalid, repository, provider)
	}
	places := []place{{base, name}}
	if d.below != nil {
		places = append(places, d.below(u, segments)...)
	}
	sites := make([]site, len(places))
	for i, p := range places {
		api, err := url.Parse(strings.TrimSuffix(p.base, "/") + "/")
		if err != nil {
			return nil, fmt.Errorf("%w: %s has no API that could be reported to: %v", platform.ErrInvalid, repository, err)
		}
		sites[i] = site{provider: provider, api: api, name: p.name}
	}
	return sites, nil
}

// place is where a repository may be: the base of the API, and the name in it.
type place struct{ base, name string }

// ownerAndName is the end of a path as owner/name, and what is before it: a host may serve below a folder.
func ownerAndName(segments []string) (before, name string) {
	if len(segments) < 2 {
		return "", ""
	}
	last := len(segments) - 2
	return path.Join(segments[:last]...), url.PathEscape(segments[last]) + "/" + url.PathEscape(segments[last+1])
}

// own is the root of a host, with the folder that it serves below.
func own(u *url.URL, folder string) string {
	return "https://" + u.Host + "/" + folder
}

func bearer(r *http.Request, c remote.Credential) { r.Header.Set("Authorization", "Bearer "+c.Token) }

// basicOrBearer signs in with the user where there is one, as app passwords need.
func basicOrBearer(r *http.Request, c remote.Credential) {
	if c.User != "" {
		r.SetBasicAuth(c.User, c.Token)
		return
	}
	bearer(r, c)
}
