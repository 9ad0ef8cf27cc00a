package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libdns/cloudflare"
	"github.com/libdns/rfc2136"

	"csph/router/cert/budget"
)

func TestAuthoritiesAndProvidersAreReadWithTheirSecrets(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, fmt.Sprintf(`
acme:
  email: ops@example.com
  directories:
    - {url: "https://one.example/dir", eab: {key_id: k, mac_key_file: %[1]q}}
    - {url: "https://two.example/dir", email: other@example.com, limits: none, caa: [two.example]}
  dns:
    - {provider: cloudflare, zones: [example.com], token_file: %[1]q}
    - {provider: route53, region: eu-west-1, access_key_id: id, secret_key_file: %[1]q}
    - {provider: rfc2136, server: "192.0.2.1:53", key_name: csph., key_file: %[1]q}
domains: {addresses: [192.0.2.1, "2001:db8::1"], resolvers: [192.0.2.53]}
`, secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.ACME.directories()
	if err != nil || len(all) != 2 {
		t.Fatalf("%d authorities, %v", len(all), err)
	}
	if one := all[0]; one.Email != "ops@example.com" || one.EAB == nil || one.EAB.MACKey != "s3cret" || one.Limits != budget.LetsEncrypt() {
		t.Errorf("the first is %+v", one)
	}
	if two := all[1]; two.Email != "other@example.com" || two.EAB != nil || two.Limits != (budget.Limits{}) || two.CAA[0] != "two.example" {
		t.Errorf("the second is %+v", two)
	}
	providers, err := c.ACME.providers()
	if err != nil || len(providers) != 3 {
		t.Fatalf("%d providers, %v", len(providers), err)
	}
	if p, ok := providers[0].DNSProvider.(*cloudflare.Provider); !ok || p.APIToken != "s3cret" || providers[0].Zones[0] != "example.com" {
		t.Errorf("the first is %+v", providers[0])
	}
	if p, ok := providers[1].DNSProvider.(route53Zones); !ok || p.Region != "eu-west-1" || p.SecretAccessKey != "s3cret" || p.AccessKeyId != "id" {
		t.Errorf("the second is %+v", providers[1])
	}
	if p, ok := providers[2].DNSProvider.(*rfc2136.Provider); !ok || p.Key != "s3cret" || p.KeyAlg != "hmac-sha256" {
		t.Errorf("the third is %+v", providers[2])
	}
}

func TestWithoutConfigurationLetsEncryptIsAsked(t *testing.T) {
	c, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.ACME.directories()
	if err != nil || len(all) != 1 || !strings.Contains(all[0].URL, "letsencrypt.org") || all[0].Limits != budget.LetsEncrypt() {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestBadSettingsOfDomainsAreRefusedAndNamed(t *testing.T) {
	for _, c := range []struct{ name, file, says string }{
		{"unknown key", "acme: {mail: x}\n", "mail"},
		{"plain HTTP", "acme: {directories: [{url: 'http://ca.example/dir'}]}\n", "acme.directories[0]: url"},
		{"limits", "acme: {directories: [{url: 'https://ca.example/dir', limits: some}]}\n", "limits"},
		{"no roots", "acme: {directories: [{url: 'https://ca.example/dir', roots: /nowhere}]}\n", "roots"},
		{"roots without certificate", "acme: {directories: [{url: 'https://ca.example/dir', roots: /dev/null}]}\n", "no certificate"},
		{"EAB without key", "acme: {directories: [{url: 'https://ca.example/dir', eab: {key_id: k}}]}\n", "eab.mac_key_file"},
		{"provider", "acme: {dns: [{provider: acme-dns}]}\n", "acme.dns[0]: provider"},
		{"no token", "acme: {dns: [{provider: cloudflare}]}\n", "token_file"},
		{"empty token", "acme: {dns: [{provider: cloudflare, token_file: /dev/null}]}\n", "is empty"},
		{"no server", "acme: {dns: [{provider: rfc2136, key_name: k}]}\n", "server"},
		{"key algorithm", "acme: {dns: [{provider: rfc2136, key_name: k, server: s, key_algorithm: md5}]}\n", "key_algorithm"},
		{"address", "domains: {addresses: [example.com]}\n", "domains.addresses"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error about %s", err, c.says)
			}
		})
	}
}
