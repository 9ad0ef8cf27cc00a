package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// Checker asks the DNS. Its fields must not change once it is in use; it is safe for concurrent use.
type Checker struct {
	// Resolvers are recursive ones, host:port, asked in turn; they find the zones' own name servers.
	Resolvers []string
	// Port is where the zones' name servers answer; 0 means 53.
	Port uint16
}

// New returns a Checker of the resolvers, host:port or host alone; none means those of /etc/resolv.conf.
func New(resolvers []string) (*Checker, error) {
	c := &Checker{Port: 53}
	if len(resolvers) == 0 {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("find the resolvers of this machine: %w", err)
		}
		resolvers = config.Servers
	}
	for _, r := range resolvers {
		if _, _, err := net.SplitHostPort(r); err != nil {
			r = net.JoinHostPort(r, "53")
		}
		c.Resolvers = append(c.Resolvers, r)
	}
	return c, nil
}

// probeLabel stands for any host below a wildcard.
const probeLabel = "csph-check"

// Check asks where name leads (for "*.example.com": any host below) and whether the authorities may
// issue for it. It blocks for 20 s at most; the error is ctx's. What the DNS fails to say is a finding.
func (c *Checker) Check(ctx context.Context, name string, e Expect) (Finding, error) {
	within, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	f, err := c.check(within, name, e)
	if ctx.Err() != nil {
		return Finding{}, fmt.Errorf("check the DNS of %s: %w", name, ctx.Err())
	}
	if err != nil {
		f = Finding{Verdict: Unanswered, Message: failure(name, err), Hint: "Ask the provider of the zone, or try another resolver; csph tries again by itself."}
	}
	return f, nil
}

func (c *Checker) check(ctx context.Context, name string, e Expect) (Finding, error) {
	below, wildcard := strings.CutPrefix(name, "*.")
	asked := name
	if wildcard {
		asked = probeLabel + "." + below
	}
	var a answers
	var err error
	if a.addresses, a.behind, err = c.addresses(ctx, asked, 0); err != nil {
		return Finding{}, err
	}
	if e.Host != "" {
		a.own, _ = c.recursiveAddresses(ctx, e.Host) // a host that is not in the DNS has none to compare with
	}
	f := judge(name, a, e)
	if f.Verdict != Right || len(e.CAs) == 0 {
		return f, nil
	}
	set, err := c.caa(ctx, below)
	if err != nil {
		return Finding{}, err
	}
	if why := forbidden(set, e.CAs, wildcard); why != "" {
		f.Verdict, f.Message = Forbidden, why
		f.Hint = fmt.Sprintf("Add the record: %s CAA 0 issue \"%s\"", below, e.CAs[0])
	}
	return f, nil
}

// failure is what a person is told when the DNS does not answer.
func failure(name string, err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "the name servers of " + name + " do not answer in time"
	}
	return "the DNS of " + name + " cannot be read: " + err.Error()
}
