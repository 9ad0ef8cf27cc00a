package remote

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"csph/platform"
)

func TestAddressesOfRepositoriesAreReadInAllTheirForms(t *testing.T) {
	for text, want := range map[string]string{
		"https://github.com/acme/shop":            "https://github.com/acme/shop",
		"https://gitlab.com/a/group/shop.git":     "https://gitlab.com/a/group/shop.git",
		"git@github.com:acme/shop.git":            "ssh://git@github.com/acme/shop.git",
		"git@ssh.dev.azure.com:v3/acme/shop/shop": "ssh://git@ssh.dev.azure.com/v3/acme/shop/shop",
		"ssh://git@git.example.com:2222/shop":     "ssh://git@git.example.com:2222/shop",
		"github.com/acme/shop":                    "https://github.com/acme/shop",
		"git.example.com:8443/acme/shop.git":      "https://git.example.com:8443/acme/shop.git",
	} {
		u, err := ParseURL(text)
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, u, err, want)
		}
	}
}

func TestAddressesThatAreNoneOrGiveSecretsAwayAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "by https:// or ssh://",
		"/etc/passwd":                        "by https:// or ssh://",
		"file:///srv/shop.git":               "by https:// or ssh://",
		"git://example.com/shop":             "by https:// or ssh://",
		"ext::sh -c id":                      "",
		"https://example.com":                "names no repository",
		"https://me:secret@example.com/shop": "leave the credential out",
		"https://token@example.com/shop":     "leave the credential out",
		"https://secret@example.com/shop?x=": "leave the credential out",
		"https://me:secret@example.com":      "leave the credential out",
		"ssh://me:secret@example.com/shop":   "leave the credential out",
		"ssh://-oProxyCommand=id/shop":       "hyphen",
		"https://example.com/shop?a=secret":  "neither ? nor #",
		"https://exa mple.com/shop":          "no URL",
		"shop/app":                           "by https:// or ssh://",
		"me:secret@example.com/shop":         `not by "example.com/shop"`,
		"example.com/":                       "names no repository",
		"../example.com/shop":                "by https:// or ssh://",
	} {
		_, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err == nil {
			continue
		}
		var told *platform.Failure
		if !errors.As(explain("read", text, err), &told) || !strings.Contains(told.Message, "no address of a repository") || !strings.Contains(told.Message, want) {
			t.Errorf("%q: %+v", text, told)
		} else if all := err.Error() + told.Message + told.Hint; strings.Contains(all, "secret") || strings.Contains(told.Message, "invalid: ") {
			t.Errorf("%q: the error gives the secret away: %s", text, all)
		}
	}
}

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	g := newGuard([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")})
	for text, want := range map[string]bool{
		"140.82.121.3": true, "2606:50c0:8000::154": true, "10.9.1.1": true,
		"127.0.0.1": false, "::1": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fd00::1": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::ffff:127.0.0.1": false, "::ffff:10.9.1.1": true, "64:ff9b::7f00:1": false, "2002:7f00:1::1": false, "198.18.0.1": false, "240.0.0.1": false,
	} {
		if err := g.check(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"https://github.com/acme/shop", "git@github.com:acme/shop.git", "ssh://git@h:22/x", "ext::sh", "https://a:b@c/d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			return
		}
		again, err := ParseURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("%q became %q, which is read as %v, %v", text, u, again, err)
		}
		if _, password := u.User.Password(); password {
			t.Errorf("%q: a password was let through", text)
		}
	})
}

// FuzzSubmoduleAddress reads addresses from .gitmodules, which whoever commits may write: a credential goes to its own host, and
// never without encryption.
func FuzzSubmoduleAddress(f *testing.F) {
	for _, address := range []string{"../other.git", "./a/../../..", "https://example.com/x", "git@example.com:x/y", "ssh://git@example.com:22/x", "https://example.com@evil.example/x", "../../../..", "https://example.com:443/x"} {
		f.Add(address)
	}
	own := Repository{URL: "https://example.com/acme/shop.git", Credential: Credential{Token: "secret"}}
	f.Fuzz(func(t *testing.T, address string) {
		r, err := own.Submodule(address)
		if err != nil {
			return
		}
		u, err := ParseURL(r.URL)
		if err != nil {
			t.Fatalf("%q became %q: %v", address, r.URL, err)
		}
		if r.Credential.Token != "" && (u.Scheme != "https" || u.Host != "example.com") {
			t.Errorf("for %q the credential goes to %q", address, r.URL)
		}
	})
}
