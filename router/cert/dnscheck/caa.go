package dnscheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// caa returns the CAA records that apply to name: those of the closest name at or above it that has any
// (RFC 8659 section 3).
func (c *Checker) caa(ctx context.Context, name string) ([]*dns.CAA, error) {
	for at := dns.Fqdn(name); at != "." && at != ""; {
		reply, err := c.recursive(ctx, at, dns.TypeCAA)
		if err != nil {
			return nil, err
		}
		var set []*dns.CAA
		for _, rr := range reply.Answer {
			if record, ok := rr.(*dns.CAA); ok {
				set = append(set, record)
			}
		}
		if len(set) > 0 {
			return set, nil
		}
		_, at, _ = strings.Cut(at, ".")
	}
	return nil, nil
}

// forbidden says why none of the authorities may issue, "" when one may (RFC 8659 section 4).
func forbidden(set []*dns.CAA, cas []string, wildcard bool) string {
	if len(set) == 0 || len(cas) == 0 {
		return ""
	}
	var issue, wild []string
	for _, r := range set {
		switch strings.ToLower(r.Tag) {
		case "issue":
			issue = append(issue, issuerIn(r.Value))
		case "issuewild":
			wild = append(wild, issuerIn(r.Value))
		case "iodef", "contactemail", "contactphone", "issuemail", "issuevmc":
		default:
			if r.Flag&128 != 0 {
				return fmt.Sprintf("%s has a critical CAA record %q that authorities do not know", host(r), r.Tag)
			}
		}
	}
	allowed := issue
	if wildcard && len(wild) > 0 {
		allowed = wild
	}
	if len(allowed) == 0 || slices.ContainsFunc(cas, func(ca string) bool { return slices.Contains(allowed, ca) }) {
		return ""
	}
	return fmt.Sprintf("the CAA records of %s allow %s only, and not %s", host(set[0]), named(allowed), strings.Join(cas, " or "))
}

// issuerIn is the authority that the value of an issue record names, without its parameters.
func issuerIn(value string) string {
	name, _, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

func named(issuers []string) string {
	var all []string
	for _, i := range issuers {
		if i != "" {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}

func host(r *dns.CAA) string { return strings.TrimSuffix(r.Hdr.Name, ".") }
