package cert

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"csph/platform"
	"csph/router/cert/budget"
	"csph/router/cert/dnscheck"
	"csph/router/localca"
)

func TestNamesAreBroughtIntoOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"WWW.Example.COM.": "www.example.com", " a.example.com ": "a.example.com", "*.Example.com": "*.example.com",
		"bücher.example": "xn--bcher-kva.example", "app.internal": "app.internal", "localhost": "localhost",
	} {
		if got, err := NormalName(given); err != nil || got != want {
			t.Errorf("%q becomes %q, %v; want %q", given, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "*", "*.", "a b.example.com", "192.0.2.1", "2001:db8::1", "*.*.example.com", "a.*.example.com", "w*.example.com",
		"com", "https://example.com", "example.com/path", "example.com:443", "a..example.com", "-a.example.com", "a_b.example.com",
		strings.Repeat("a.", 130) + "com", strings.Repeat("a", 64) + ".com", "\x00.example.com",
	} {
		if got, err := NormalName(bad); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%q becomes %q, %v", bad, got, err)
		}
	}
}

func FuzzNormalName(f *testing.F) {
	for _, s := range []string{"www.example.com", "*.example.com", "bücher.example", "a..b", "xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := NormalName(text)
		if err != nil {
			return
		}
		again, err := NormalName(name)
		if err != nil || again != name {
			t.Errorf("%q becomes %q, and that %q (%v)", text, name, again, err)
		}
		for _, c := range name {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-.*", c) {
				t.Errorf("%q becomes %q", text, name)
			}
		}
	})
}

func TestNamesBelowTheAppsDomainAreNotForUsers(t *testing.T) {
	k, _ := local(t)
	for _, name := range []string{"web.localhost", "localhost", "*.localhost"} {
		if _, err := k.Draft("svc_1", name, 0, false); !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), "apps domain") {
			t.Errorf("%s: %v", name, err)
		}
	}
	public, err := localca.Open(t.TempDir(), "apps.example.com")
	if err != nil {
		t.Fatal(err)
	}
	k.Local = public
	if d, err := k.Draft("svc_1", "*.apps.example.com", 0, false); err != nil || d.Status != platform.PendingDNS {
		t.Errorf("the wildcard of a public apps domain: %+v, %v", d, err)
	}
	for _, name := range []string{"web.apps.example.com", "*.web.apps.example.com", "apps.example.com"} {
		if _, err := k.Draft("svc_1", name, 0, false); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Draft("svc_1", "www.example.com", -1, false); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("negative HSTS: %v", err)
	}
}

func TestTheRecordsToMakeDependOnTheName(t *testing.T) {
	k, _ := local(t)
	e := dnscheck.Expect{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}}
	k.Expect = func(context.Context, platform.Domain) dnscheck.Expect { return e }
	records := func(name string) (all []string) {
		for _, r := range k.DNSRecords(t.Context(), platform.Domain{Name: name}) {
			all = append(all, strings.Join([]string{r.Type, r.Name, r.Value, r.Instead}, " "))
		}
		return all
	}
	if got := records("www.example.com"); !slices.Equal(got, []string{"A www.example.com 192.0.2.1 ", "AAAA www.example.com 2001:db8::1 "}) {
		t.Errorf("without a public apps domain: %q", got)
	}
	e.Host = "web.apps.example.net"
	if got := records("www.example.com"); got[0] != "CNAME www.example.com web.apps.example.net. " || got[1] != "A www.example.com 192.0.2.1 CNAME" {
		t.Errorf("below a zone: %q", got)
	}
	for _, apex := range []string{"example.com", "example.co.uk"} {
		if got := records(apex); got[0] != "ALIAS "+apex+" web.apps.example.net. " || got[1] != "A "+apex+" 192.0.2.1 ALIAS" {
			t.Errorf("apex: %q", got)
		}
	}
	if got := records("*.example.com"); got[0] != "CNAME *.example.com web.apps.example.net. " || !strings.HasPrefix(got[3], "TXT _acme-challenge.example.com ") {
		t.Errorf("wildcard: %q", got)
	}
}

func TestTheProviderOfTheClosestZoneIsChosen(t *testing.T) {
	k := &Keeper{Config: Config{Providers: []Provider{{Name: "any"}, {Name: "zone", Zones: []string{"Example.com."}}, {Name: "below", Zones: []string{"a.example.com"}}}}}
	for name, want := range map[string]string{"*.example.com": "zone", "*.b.example.com": "zone", "*.a.example.com": "below", "*.notexample.com": "any"} {
		if got := k.providerFor(name); got == nil || got.Name != want {
			t.Errorf("%s: %v; want %s", name, got, want)
		}
	}
	k.Providers = k.Providers[1:]
	if got := k.providerFor("*.example.org"); got != nil {
		t.Errorf("a provider of another zone: %s", got.Name)
	}
}

func TestWaitsDoubleUpToTheLongest(t *testing.T) {
	for tries, want := range map[int]time.Duration{0: time.Minute, 1: time.Minute, 2: 2 * time.Minute, 5: 16 * time.Minute, 10: time.Hour, 1000: time.Hour} {
		if got := backoff(time.Minute, time.Hour, tries); got != want {
			t.Errorf("after %d tries: %s; want %s", tries, got, want)
		}
	}
}

func TestOfSeveralErrorsTheOneThatSaysMoreIsTold(t *testing.T) {
	soon, late := &budget.WaitError{Until: time.Unix(1, 0)}, &budget.WaitError{Until: time.Unix(2, 0)}
	away, full := &orderError{kind: unavailable}, &orderError{kind: limited}
	no, broken := &orderError{kind: refused}, &orderError{kind: failedValidation}
	for _, c := range []struct{ a, b, want error }{
		{nil, late, late}, {late, soon, soon}, {soon, late, soon}, {soon, full, full}, {full, away, away},
		{away, full, away}, {away, no, no}, {no, broken, broken}, {broken, away, broken},
	} {
		if got := telling(c.a, c.b); got != c.want {
			t.Errorf("of %v and %v: %v", c.a, c.b, got)
		}
	}
}

func TestSomePathsOfAHostAreADomainWithoutACertificate(t *testing.T) {
	k, _ := local(t)
	d, err := k.Draft("svc_1", "WWW.Example.com/Api/v1", 0, false)
	if err != nil || d.Name != "www.example.com/Api/v1" || d.Status != platform.DomainActive || d.Certificate.Source != platform.FromHost {
		t.Errorf("%+v, %v", d, err)
	}
	if due := k.due(d); !due.IsZero() {
		t.Errorf("it is due at %s", due)
	}
	if records := k.DNSRecords(t.Context(), d); len(records) != 0 {
		t.Errorf("records %+v", records)
	}
	for _, bad := range []string{"*.example.com/api", "www.example.com/", "www.example.com/a/../b", "/api", "exam ple.com/api"} {
		if _, err := k.Draft("svc_1", bad, 0, false); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, refused := range []struct {
		hsts     int64
		internal bool
	}{{1, false}, {0, true}} {
		if _, err := k.Draft("svc_1", "www.example.com/api", refused.hsts, refused.internal); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%+v: %v", refused, err)
		}
	}
}
