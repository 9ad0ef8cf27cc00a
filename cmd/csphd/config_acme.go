package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caddyserver/certmagic"
	"github.com/libdns/cloudflare"
	"github.com/libdns/libdns"
	"github.com/libdns/rfc2136"
	"github.com/libdns/route53"

	"csph/router/cert"
	"csph/router/cert/budget"
)

// acmeConfig is how certificates are ordered. Secrets are named by file, so that the configuration has none.
type acmeConfig struct {
	Email       string            `yaml:"email"`       // of the accounts
	Directories []directoryConfig `yaml:"directories"` // authorities in the order they are asked; none: Let's Encrypt
	DNS         []dnsConfig       `yaml:"dns"`         // providers of zones, for wildcards
}

type directoryConfig struct {
	URL    string   `yaml:"url"`
	Email  string   `yaml:"email"` // instead of acme.email
	Roots  string   `yaml:"roots"` // file in PEM that the directory's own TLS is trusted by, for a private authority
	CAA    []string `yaml:"caa"`   // names that CAA records know it by; none: what the directory says
	Limits string   `yaml:"limits"`
	EAB    struct {
		KeyID      string `yaml:"key_id"`
		MACKeyFile string `yaml:"mac_key_file"` // base64url
	} `yaml:"eab"`
}

type dnsConfig struct {
	Provider string   `yaml:"provider"` // cloudflare, route53 or rfc2136
	Zones    []string `yaml:"zones"`    // domains it is for; none: every domain

	TokenFile string `yaml:"token_file"` // cloudflare: API token that may edit the zones' DNS

	Region        string `yaml:"region"`          // route53
	AccessKeyID   string `yaml:"access_key_id"`   // route53; without one, the environment and the machine's role
	SecretKeyFile string `yaml:"secret_key_file"` // route53
	Server        string `yaml:"server"`          // rfc2136: host:port
	KeyName       string `yaml:"key_name"`        // rfc2136
	KeyAlgorithm  string `yaml:"key_algorithm"`   // rfc2136: hmac-sha256 (default), …
	KeyFile       string `yaml:"key_file"`        // rfc2136: base64
}

// domainsConfig is what domains are checked against.
type domainsConfig struct {
	Addresses []string `yaml:"addresses"` // the server's public ones; none: those of its network interfaces
	Resolvers []string `yaml:"resolvers"` // recursive ones, host or host:port; none: those of /etc/resolv.conf
}

func (c domainsConfig) addresses() ([]netip.Addr, error) {
	var all []netip.Addr
	for _, text := range c.Addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("domains.addresses: %q is no IP address", text)
		}
		all = append(all, a)
	}
	return all, nil
}

// directories are the authorities that the configuration names.
func (c acmeConfig) directories() ([]cert.Directory, error) {
	named := c.Directories
	if len(named) == 0 {
		named = []directoryConfig{{URL: certmagic.LetsEncryptProductionCA}}
	}
	var all []cert.Directory
	for i, d := range named {
		made, err := d.directory(c.Email)
		if err != nil {
			return nil, fmt.Errorf("acme.directories[%d]: %w", i, err)
		}
		all = append(all, made)
	}
	return all, nil
}

func (d directoryConfig) directory(email string) (cert.Directory, error) {
	out := cert.Directory{URL: d.URL, Email: d.Email, CAA: d.CAA}
	if out.Email == "" {
		out.Email = email
	}
	if u, err := url.Parse(d.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		return out, fmt.Errorf("url: %q is no https:// URL of an ACME directory", d.URL)
	}
	switch d.Limits {
	case "", "letsencrypt":
		out.Limits = budget.LetsEncrypt()
	case "none":
	default:
		return out, fmt.Errorf("limits: %q is neither letsencrypt (the default) nor none", d.Limits)
	}
	if d.Roots != "" {
		text, err := os.ReadFile(d.Roots)
		if err != nil {
			return out, fmt.Errorf("roots: %w", err)
		}
		if out.Roots = x509.NewCertPool(); !out.Roots.AppendCertsFromPEM(text) {
			return out, fmt.Errorf("roots: %s has no certificate in PEM", d.Roots)
		}
	}
	return out, d.bind(&out)
}

// bind adds the external account.
func (d directoryConfig) bind(out *cert.Directory) error {
	if d.EAB.KeyID == "" && d.EAB.MACKeyFile == "" {
		return nil
	}
	key, err := secret("eab.mac_key_file", d.EAB.MACKeyFile)
	if err != nil {
		return err
	}
	if d.EAB.KeyID == "" {
		return errors.New("eab.key_id: a MAC key without a key id")
	}
	out.EAB = &cert.EAB{KeyID: d.EAB.KeyID, MACKey: key}
	return nil
}

// secret reads a secret from the file that a key of the configuration names.
func secret(key, path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("%s: it names no file", key)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	if s := strings.TrimSpace(string(text)); s != "" {
		return s, nil
	}
	return "", fmt.Errorf("%s: %s is empty", key, path)
}

// providers are those that change zones for DNS-01.
func (c acmeConfig) providers() ([]cert.Provider, error) {
	var all []cert.Provider
	for i, d := range c.DNS {
		p, err := d.provider()
		if err != nil {
			return nil, fmt.Errorf("acme.dns[%d]: %w", i, err)
		}
		all = append(all, cert.Provider{Name: d.Provider, Zones: d.Zones, DNSProvider: p})
	}
	return all, nil
}

func (d dnsConfig) provider() (certmagic.DNSProvider, error) {
	switch d.Provider {
	case "cloudflare":
		token, err := secret("token_file", d.TokenFile)
		return &cloudflare.Provider{APIToken: token}, err
	case "route53":
		return d.route53()
	case "rfc2136":
		return d.rfc2136()
	}
	return nil, fmt.Errorf("provider: %q is none of cloudflare, route53 and rfc2136", d.Provider)
}

// route53 reads the AWS settings of the environment once here, since the provider would end the process over bad ones.
func (d dnsConfig) route53() (certmagic.DNSProvider, error) {
	if _, err := config.LoadDefaultConfig(context.Background()); err != nil {
		return nil, fmt.Errorf("the AWS settings of the environment: %w", err)
	}
	p := &route53.Provider{
		Region: cmp.Or(d.Region, os.Getenv("AWS_REGION"), route53Region), AccessKeyId: d.AccessKeyID,
		WaitForRoute53Sync: true, Route53MaxWait: route53Wait, SkipRoute53SyncOnDelete: true,
	}
	if d.AccessKeyID == "" {
		return route53Zones{p}, nil
	}
	var err error
	p.SecretAccessKey, err = secret("secret_key_file", d.SecretKeyFile)
	return route53Zones{p}, err
}

const (
	route53Region = "us-east-1" // the service has one for all zones; China has its own
	route53Wait   = 3 * time.Minute
)

// route53Zones adds records also where there are some of the same name and type, which Route 53 keeps as one set and
// otherwise refuses to create again: what an interrupted order has left must not end all later ones.
type route53Zones struct{ *route53.Provider }

// AppendRecords implements libdns.RecordAppender.
func (z route53Zones) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	there, err := z.GetRecords(ctx, zone)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(records)
	for _, old := range there {
		o := old.RR()
		if slices.ContainsFunc(records, func(r libdns.Record) bool {
			n := r.RR()
			return n.Name == o.Name && n.Type == o.Type && n.Data != o.Data
		}) {
			all = append(all, old)
		}
	}
	if len(all) == 1 {
		return z.SetRecords(ctx, zone, all) // creates or replaces
	}
	if _, err := z.Provider.AppendRecords(ctx, zone, all); err != nil { // several of a set replace it
		return nil, err
	}
	return records, nil
}

func (d dnsConfig) rfc2136() (certmagic.DNSProvider, error) {
	if d.Server == "" || d.KeyName == "" {
		return nil, errors.New("server and key_name are needed")
	}
	if d.KeyAlgorithm == "" {
		d.KeyAlgorithm = "hmac-sha256"
	}
	if !slices.Contains([]string{"hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1"}, d.KeyAlgorithm) {
		return nil, fmt.Errorf("key_algorithm: %q is none of hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha224 and hmac-sha1", d.KeyAlgorithm)
	}
	key, err := secret("key_file", d.KeyFile)
	return &rfc2136.Provider{Server: d.Server, KeyName: d.KeyName, KeyAlg: d.KeyAlgorithm, Key: key}, err
}

// validateDomains checks what concerns domains and certificates.
func (c *Config) validateDomains() error {
	_, err := c.ACME.directories()
	_, err2 := c.ACME.providers()
	_, err3 := c.Domains.addresses()
	return errors.Join(err, err2, err3)
}
