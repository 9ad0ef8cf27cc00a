package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// maxPEMFile bounds what is read of a certificate or key file.
const maxPEMFile = 256 << 10

func (a *app) domainsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "domains", Aliases: []string{"domain"}, Short: "Domains that lead to services, with their certificates",
		Long: `Domains that lead to services, with their certificates.

A domain leads to its service at once. Its certificate is ordered when the public DNS sends it here:
pending_dns → validating → issuing → active, or action_required with the reason. Renewals come by themselves.`,
		RunE: needsSubcommand,
	}
	cmd.AddCommand(a.domainsAdd(), a.domainsList(), a.domainsVerify(), a.domainsSetCertificate(), a.domainsSetHSTS(), a.domainsRemove(), a.domainsTrust())
	return cmd
}

// certificateFlags are the files of a certificate of one's own.
type certificateFlags struct{ cert, key string }

func (f *certificateFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.cert, "cert", "", "file of a certificate of your own in PEM, followed by its chain")
	cmd.Flags().StringVar(&f.key, "key", "", "file of its private key in PEM")
	cmd.MarkFlagsRequiredTogether("cert", "key")
}

func (f *certificateFlags) read() (cert, key string, err error) {
	if f.cert == "" {
		return "", "", nil
	}
	if cert, err = readPEM(f.cert); err == nil {
		key, err = readPEM(f.key)
	}
	return cert, key, err
}

func readPEM(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read certificate: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEMFile))
	if err != nil {
		return "", fmt.Errorf("read certificate: %w", err)
	}
	return string(text), nil
}

func (a *app) domainsAdd() *cobra.Command {
	var files certificateFlags
	var hsts time.Duration
	var n wire.NewDomain
	cmd := &cobra.Command{
		Use: "add DOMAIN", Short: "Add a domain to a service, and print the DNS records to make", Args: exactly(1, "a domain"),
		Example: `  csph domains add www.example.com --service web
  csph domains add '*.example.com' --service web
  csph domains add www.example.com/api --service api
  csph domains add shop.example.com --service web --cert chain.pem --key key.pem`,
	}
	service := serviceFlag(cmd)
	files.add(cmd)
	cmd.Flags().DurationVar(&hsts, "hsts", 0, "for how long browsers stay on HTTPS, such as 8760h (Strict-Transport-Security)")
	cmd.Flags().BoolVar(&n.Internal, "internal", false, "certify it by the server's own authority")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		n.Name, n.HSTS = args[0], int64(hsts.Seconds())
		if n.Service, err = named(cmd.Context(), *service, nil); err != nil {
			return err
		}
		if n.Certificate, n.Key, err = files.read(); err != nil {
			return err
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		d, err := c.AddDomain(cmd.Context(), n)
		if err != nil {
			return err
		}
		return a.show(d, func() error { return a.printDomain(d) })
	}
	return cmd
}

// printDomain tells of a domain, and which records it still needs.
func (a *app) printDomain(d wire.DomainView) error {
	if err := a.printf("%s leads to %s and is %s\n", d.Name, d.ServiceName, d.Status); err != nil {
		return err
	}
	if d.State.Message != "" {
		a.note("%s", d.State.Message)
	}
	if d.State.Hint != "" {
		a.note("%s", d.State.Hint)
	}
	if d.Status == platform.DomainActive || len(d.Records) == 0 {
		return nil
	}
	return a.printRecords(d)
}

func (a *app) printRecords(d wire.DomainView) error {
	if err := a.printf("\nMake these DNS records:\n"); err != nil {
		return err
	}
	rows := make([][]string, len(d.Records))
	for i, r := range d.Records {
		note := r.Note
		if r.Instead != "" {
			note = strings.TrimSpace("instead of the " + r.Instead + " record, where the provider has none. " + note)
		}
		rows[i] = []string{r.Type, r.Name, r.Value, note}
	}
	if err := a.table("TYPE\tNAME\tVALUE\tNOTE", rows); err != nil {
		return err
	}
	a.note("\ncsph looks for them by itself; csph domains verify %s looks now.", d.Name)
	return nil
}

func (a *app) domainsList() *cobra.Command {
	return listingIn(a, "List domains", "  csph domains list", "There is no domain yet. csph domains add DOMAIN --service NAME adds one.",
		"DOMAIN\tSERVICE\tSTATUS\tREASON\tCERTIFICATE\tUNTIL", (*client.Client).Domains, func(d platform.Domain) []string {
			return []string{d.Name, d.ServiceName, string(d.Status), first(string(d.State.Reason), "-"), string(d.Certificate.Source), when(d.Certificate.NotAfter)}
		})
}

func (a *app) domainsVerify() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "verify DOMAIN", Example: "  csph domains verify www.example.com", Short: "Look at a domain's DNS now, and order its certificate where that is right", Args: exactly(1, "a domain"),
		Long: `Look at a domain's DNS now, and order its certificate where that is right.

Succeeds when the domain is active, after waiting for the certificate for as long as --wait-timeout says.`,
	}
	cmd.Flags().DurationVar(&wait, "wait-timeout", 2*time.Minute, "how long to wait for the certificate; 0 to look only")
	cmd.RunE = a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
		v, err := c.VerifyDomain(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if !a.structured() && v.DNS.Message != v.Domain.State.Message {
			a.note("DNS: %s", v.DNS.Message)
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), wait)
		defer cancel()
		for underWay(v.Domain.Status) && pause(ctx, verifyEvery) {
			if v.Domain, err = c.Domain(cmd.Context(), v.Domain.ID); err != nil {
				return err
			}
		}
		if err := a.show(v, func() error { return a.printDomain(v.Domain) }); err != nil {
			return err
		}
		if v.Domain.Status != platform.DomainActive {
			return errTold
		}
		return nil
	})
	return cmd
}

// verifyEvery is how often a domain whose certificate is awaited is looked at.
const verifyEvery = 500 * time.Millisecond

// underWay reports whether a certificate is on its way.
func underWay(s platform.DomainStatus) bool {
	return s == platform.Validating || s == platform.Issuing
}

// pause waits; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (a *app) domainsSetCertificate() *cobra.Command {
	var files certificateFlags
	cmd := &cobra.Command{
		Use: "set-certificate DOMAIN --cert FILE --key FILE", Example: "  csph domains set-certificate www.example.com --cert cert.pem --key key.pem", Short: "Serve a domain with a certificate of your own", Args: exactly(1, "a domain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if files.cert == "" {
				return usageError{fmt.Errorf("--cert and --key name the files of the certificate")}
			}
			cert, key, err := files.read()
			if err != nil {
				return err
			}
			return a.changeDomain(cmd.Context(), args[0], wire.DomainChange{Certificate: cert, Key: key})
		},
	}
	files.add(cmd)
	return cmd
}

func (a *app) domainsSetHSTS() *cobra.Command {
	return &cobra.Command{
		Use: "set-hsts DOMAIN DURATION", Example: "  csph domains set-hsts www.example.com 8760h", Short: "Say for how long browsers stay on HTTPS; 0 for not at all", Args: exactly(2, "a domain and a duration such as 8760h"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := time.ParseDuration(args[1])
			if err != nil || d < 0 {
				return usageError{fmt.Errorf("%q is no duration such as 8760h, or 0", args[1])}
			}
			seconds := int64(d.Seconds())
			return a.changeDomain(cmd.Context(), args[0], wire.DomainChange{HSTS: &seconds})
		},
	}
}

func (a *app) changeDomain(ctx context.Context, ref string, change wire.DomainChange) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	d, err := c.ConfigureDomain(ctx, ref, change)
	if err != nil {
		return err
	}
	return a.show(d, func() error { return a.printDomain(d) })
}

func (a *app) domainsRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove DOMAIN", Example: "  csph domains remove www.example.com", Short: "Remove a domain, its route and its certificate", Args: exactly(1, "a domain"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.RemoveDomain(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.show(map[string]string{"removed": args[0]}, func() error { return a.printf("Removed %s\n", args[0]) })
		}),
	}
}

// trustGuide says how the programs that people use are told to trust an authority.
const trustGuide = `
The certificate above signs the names of the apps domain and private names. To trust it:

  this machine      csph domains trust > /usr/local/share/ca-certificates/csph.crt && update-ca-certificates   (Debian, Ubuntu)
                    csph domains trust > /etc/pki/ca-trust/source/anchors/csph.crt && update-ca-trust          (Fedora, RHEL)
  macOS             csph domains trust > csph.crt && sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain csph.crt
  Windows           csph domains trust > csph.crt; certutil -addstore Root csph.crt
  Chrome on Linux   csph domains trust > csph.crt && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n csph -i csph.crt
  Firefox           Settings → Certificates → View certificates → Authorities → Import csph.crt
  curl              csph domains trust > csph.crt && curl --cacert csph.crt https://…
  Node.js, Python   NODE_EXTRA_CA_CERTS=csph.crt, REQUESTS_CA_BUNDLE=csph.crt

Trust it only on machines of people who trust this server: whoever has its key can certify any name.`

func (a *app) domainsTrust() *cobra.Command {
	return &cobra.Command{
		Use: "trust", Example: "  csph domains trust", Short: "Print the certificate of the server's own authority, and how to trust it", Args: atMost(0),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			t, err := c.Trust(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.show(t, func() error { return a.printf("%s", t.Root) }); err != nil {
				return err
			}
			if !a.structured() {
				a.note("%s", trustGuide)
			}
			return nil
		}),
	}
}
