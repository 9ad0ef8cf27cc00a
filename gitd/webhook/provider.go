package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"csph/platform"
)

// Provider is who sends a delivery.
type Provider string

// The providers that are understood.
const (
	GitHub          Provider = "github"
	GitLab          Provider = "gitlab"
	Bitbucket       Provider = "bitbucket"        // bitbucket.org
	BitbucketServer Provider = "bitbucket-server" // Bitbucket Data Center
	AzureDevOps     Provider = "azure"
	Gitea           Provider = "gitea"   // and Forgejo
	Generic         Provider = "generic" // csph's own form, for whatever else
)

// dialect is how one provider speaks.
type dialect struct {
	// genuine proves that body was sent by someone who knows secret, in constant time.
	genuine func(h http.Header, body []byte, secret string) bool
	// delivery names the delivery: the same for every attempt to deliver it. "" when the provider gave no name.
	delivery func(h http.Header, body []byte) string
	// read understands a genuine body. An event of no use is the zero Event.
	read func(h http.Header, body []byte) (Event, error)
	// form is whether the body may come as the field payload of an HTML form.
	form bool
	// setup says what to enter where.
	setup func(url, secret string) []string
}

func dialects() map[Provider]dialect {
	return map[Provider]dialect{
		GitHub: github(), GitLab: gitlab(), Bitbucket: bitbucket(), BitbucketServer: bitbucketServer(),
		AzureDevOps: azure(), Gitea: gitea(), Generic: generic(),
	}
}

// Providers lists the names of the providers, sorted.
func Providers() []Provider {
	var all []Provider
	for p := range dialects() {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// ParseProvider returns the provider called name; platform.ErrInvalid lists those that are understood.
func ParseProvider(name string) (Provider, error) {
	p := Provider(strings.ToLower(name))
	if _, ok := dialects()[p]; ok {
		return p, nil
	}
	return "", fmt.Errorf("%w: webhooks of %q are not understood; choose one of %v", platform.ErrInvalid, name, Providers())
}

// Setup says, a line each, what to enter where at the provider, so that its deliveries arrive.
func (p Provider) Setup(url, secret string) []string { return dialects()[p].setup(url, secret) }

// signed proves a body by its HMAC with SHA-256 in a header, in hex behind prefix.
func signed(header, prefix string) func(http.Header, []byte, string) bool {
	return func(h http.Header, body []byte, secret string) bool {
		sum, ok := strings.CutPrefix(h.Get(header), prefix)
		if !ok {
			return false
		}
		got, err := hex.DecodeString(sum)
		if err != nil {
			return false
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		return hmac.Equal(got, mac.Sum(nil))
	}
}

// same compares in constant time, whatever the lengths.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// named takes the delivery's name from the first of headers that is there.
func named(headers ...string) func(http.Header, []byte) string {
	return func(h http.Header, _ []byte) string {
		for _, name := range headers {
			if v := h.Get(name); v != "" {
				return v
			}
		}
		return ""
	}
}
