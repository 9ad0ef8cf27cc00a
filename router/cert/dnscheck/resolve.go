package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	queryTimeout = 3 * time.Second
	checkTimeout = 20 * time.Second
	// chainLength is how many CNAME records are followed from one name to its address.
	chainLength = 8
	// serversAsked bounds how many name servers of one zone are compared.
	serversAsked = 6
)

// errUnanswered says that no server gave a usable answer.
var errUnanswered = errors.New("the name servers do not answer")

// exchange asks one server, by UDP and again by TCP when the answer was cut.
func exchange(ctx context.Context, server, name string, kind uint16, recurse bool) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	q.RecursionDesired = recurse
	q.SetEdns0(1232, false)
	client := &dns.Client{Timeout: queryTimeout}
	reply, _, err := client.ExchangeContext(ctx, q, server)
	if err == nil && reply.Truncated {
		client.Net = "tcp"
		reply, _, err = client.ExchangeContext(ctx, q, server)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s %s: %w", server, name, dns.TypeToString[kind], err)
	}
	switch reply.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeNotImplemented: // of a server that does not know this type: it has none
		reply.Answer = nil
	default:
		return nil, fmt.Errorf("ask %s for %s %s: it answers %s", server, name, dns.TypeToString[kind], dns.RcodeToString[reply.Rcode])
	}
	return reply, nil
}

// recursive asks the resolvers in turn until one answers.
func (c *Checker) recursive(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	var errs []error
	for _, server := range c.Resolvers {
		reply, err := exchange(ctx, server, name, kind, true)
		if err == nil {
			return reply, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("%w: %w", errUnanswered, errors.Join(errs...))
}

// server is one name server of a zone.
type server struct {
	name    string
	address string // host and port
}

// nameServers finds who is responsible for name: the servers of the closest zone above it that has any.
// None means that the resolvers know of none; their own answers then have to do.
func (c *Checker) nameServers(ctx context.Context, name string) ([]server, error) {
	for zone := dns.Fqdn(name); zone != "."; {
		reply, err := c.recursive(ctx, zone, dns.TypeNS)
		if err != nil {
			return nil, err
		}
		var all []server
		for _, rr := range reply.Answer {
			if ns, ok := rr.(*dns.NS); ok && strings.EqualFold(ns.Hdr.Name, zone) {
				all = append(all, c.addressesOf(ctx, ns.Ns)...)
			}
		}
		if len(all) > 0 {
			return all[:min(len(all), serversAsked)], nil
		}
		_, zone, _ = strings.Cut(zone, ".")
		if strings.Count(zone, ".") < 2 { // the servers of a top-level domain know only delegations
			break
		}
	}
	return nil, nil
}

// addressesOf returns a name server at its first address; servers that have none are left out.
func (c *Checker) addressesOf(ctx context.Context, name string) []server {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		reply, err := c.recursive(ctx, name, kind)
		if err != nil {
			continue
		}
		for _, a := range addressesIn(reply) {
			return []server{{strings.TrimSuffix(name, "."), netip.AddrPortFrom(a, c.Port).String()}}
		}
	}
	return nil
}

// addresses returns the addresses of name as its own name servers give them, and the servers that have none.
func (c *Checker) addresses(ctx context.Context, name string, depth int) (all []netip.Addr, behind []string, err error) {
	if depth > chainLength {
		return nil, nil, fmt.Errorf("%w: %s is an endless chain of CNAME records", errUnanswered, name)
	}
	servers, err := c.nameServers(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if len(servers) == 0 {
		all, err = c.recursiveAddresses(ctx, name)
		return all, nil, err
	}
	replies, err := askAll(ctx, servers, name)
	if err != nil {
		return nil, nil, err
	}
	for i, r := range replies {
		found := r.addresses
		if len(found) == 0 && r.alias != "" {
			if found, _, err = c.addresses(ctx, r.alias, depth+1); err != nil {
				return nil, nil, err
			}
		}
		if r.answered && len(found) == 0 {
			behind = append(behind, servers[i].name)
		}
		all = appendNew(all, found)
	}
	if len(all) == 0 {
		behind = nil // nobody has it: it is missing, not late
	}
	return all, behind, nil
}

func (c *Checker) recursiveAddresses(ctx context.Context, name string) (all []netip.Addr, err error) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		reply, err := c.recursive(ctx, name, kind)
		if err != nil {
			return nil, err
		}
		all = appendNew(all, addressesIn(reply))
	}
	return all, nil
}

// reply is what one name server says of a name.
type reply struct {
	answered  bool
	addresses []netip.Addr
	alias     string // where a CNAME leads that the server does not follow itself
}

// askAll asks every server at once. Servers that do not answer are passed over while others do.
func askAll(ctx context.Context, servers []server, name string) ([]reply, error) {
	replies := make([]reply, len(servers))
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { replies[i], errs[i] = askOne(ctx, s.address, name) })
	}
	wg.Wait()
	if !slices.ContainsFunc(replies, func(r reply) bool { return r.answered }) {
		return nil, fmt.Errorf("%w: %w", errUnanswered, errors.Join(errs...))
	}
	return replies, nil
}

func askOne(ctx context.Context, address, name string) (r reply, err error) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		msg, err := exchange(ctx, address, name, kind, false)
		if err != nil {
			return reply{}, err
		}
		r.addresses = appendNew(r.addresses, addressesIn(msg))
		for _, rr := range msg.Answer {
			if cname, ok := rr.(*dns.CNAME); ok {
				r.alias = strings.TrimSuffix(cname.Target, ".")
			}
		}
	}
	r.answered = true
	return r, nil
}

func addressesIn(msg *dns.Msg) (all []netip.Addr) {
	for _, rr := range msg.Answer {
		var ip net.IP
		switch x := rr.(type) {
		case *dns.A:
			ip = x.A
		case *dns.AAAA:
			ip = x.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			all = append(all, a.Unmap())
		}
	}
	return all
}

func appendNew(all, more []netip.Addr) []netip.Addr {
	for _, a := range more {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}
