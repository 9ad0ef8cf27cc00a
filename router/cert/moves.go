package cert

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"csph/platform"
)

// move advances a domain, tells of it, and serves it accordingly.
func (k *Keeper) move(ctx context.Context, d platform.Domain, m platform.DomainMove, set func(*platform.Domain)) (platform.Domain, error) {
	after, err := k.Records.AdvanceDomain(ctx, d.ID, d.Status, m, set)
	if err != nil {
		return d, fmt.Errorf("record domain %s: %w", d.Name, err)
	}
	k.serve(after, k.certOf(after.Name))
	message := after.Name + " is " + string(after.Status)
	if after.State.Message != "" {
		message += ": " + after.State.Message
	}
	k.publish(ctx, after, platform.EventDomainStatus, message)
	return after, nil
}

// note records a new state without a move.
func (k *Keeper) note(ctx context.Context, d platform.Domain, s platform.DomainState) (platform.Domain, error) {
	after, err := k.Records.UpdateDomain(ctx, d.ID, func(d *platform.Domain) error {
		d.State = s
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("record domain %s: %w", d.Name, err)
	}
	return after, nil
}

// hold says that somebody has to act.
func (k *Keeper) hold(ctx context.Context, d platform.Domain, s platform.DomainState) (platform.Domain, error) {
	if d.Status == platform.ActionRequired {
		return k.note(ctx, d, s)
	}
	return k.move(ctx, d, platform.NeedAction, func(d *platform.Domain) { d.State = s })
}

// activate serves a domain with its first certificate, or a certificate that takes the place of none that is valid.
func (k *Keeper) activate(ctx context.Context, d platform.Domain, c *tls.Certificate) (platform.Domain, error) {
	if err := k.keep(ctx, d.Name, c); err != nil {
		return d, err
	}
	move := platform.Issue
	if d.Status != platform.Issuing {
		move = platform.InstallCert
	}
	k.serve(d, c)
	k.forgetPlan(d.ID)
	return k.move(ctx, d, move, func(d *platform.Domain) {
		d.Certificate = described(platform.FromACME, c)
		d.State = platform.DomainState{Proxy: d.State.Proxy, Message: "served over HTTPS until " + stamp(c.Leaf.NotAfter) + ", renewed before that"}
	})
}

// described is what is recorded of a certificate.
func described(source platform.CertificateSource, c *tls.Certificate) platform.DomainCertificate {
	issuer := c.Leaf.Issuer.CommonName
	if issuer == "" && len(c.Leaf.Issuer.Organization) > 0 {
		issuer = c.Leaf.Issuer.Organization[0]
	}
	return platform.DomainCertificate{Source: source, Issuer: issuer, NotAfter: c.Leaf.NotAfter.UTC()}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// publish tells of something that has happened to a domain. Events are for readers; a domain does not depend on them.
func (k *Keeper) publish(ctx context.Context, d platform.Domain, kind, message string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	e := platform.Event{Service: d.Service, Kind: kind, Status: string(d.Status), Message: message}
	if _, err := k.Bus.Publish(ctx, e); err != nil {
		k.Logger.Error("event of a domain is lost", "domain", d.Name, "event", kind, "err", err)
	}
}

// serve makes c the certificate of a domain, and its status what requests for it meet.
func (k *Keeper) serve(d platform.Domain, c *tls.Certificate) {
	k.sites.put(map[string]*site{d.Name: k.siteOf(d, c)})
	signal(k.unstapled)
}

func (k *Keeper) siteOf(d platform.Domain, c *tls.Certificate) *site {
	s := &site{cert: c, internal: d.Certificate.Source == platform.FromInternal}
	s.secure = d.Status == platform.DomainActive && (c != nil || s.internal)
	if s.secure {
		s.hsts = hstsValue(d.HSTS)
	}
	return s
}

// certOf is the certificate that a domain is served with now.
func (k *Keeper) certOf(name string) *tls.Certificate {
	if s := k.sites.get(name); s != nil {
		return s.cert
	}
	return nil
}
