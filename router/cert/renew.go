package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/caddyserver/certmagic"

	"csph/platform"
)

const (
	// askAgain is how often an authority is asked for its renewal time when it does not say (RFC 9773 section 4.3.2).
	askAgain = 6 * time.Hour
	// remindEvery is how often the owner of an uploaded certificate hears of its end.
	remindEvery = 24 * time.Hour
)

// plan is when to renew a certificate, and when to ask its authority about that again.
type plan struct {
	serial string // of the certificate that it is for
	renew  time.Time
	ask    time.Time
}

// planOf is the plan for the certificate of a domain; without one from the authority, it is at two thirds of its life.
func (k *Keeper) planOf(id string, c *tls.Certificate) plan {
	k.mu.Lock()
	defer k.mu.Unlock()
	serial := c.Leaf.SerialNumber.String()
	if p, ok := k.plans[id]; ok && p.serial == serial {
		return p
	}
	return plan{serial: serial, renew: ownRenewal(c.Leaf)}
}

func (k *Keeper) setPlan(id string, p plan) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.plans[id] = p
}

func (k *Keeper) forgetPlan(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.plans, id)
}

// ownRenewal is when a certificate is renewed without advice: at two thirds of its life, less up to a twentieth by
// its serial number, so that many do not come at once.
func ownRenewal(leaf *x509.Certificate) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	hash := fnv.New32a()
	_, _ = hash.Write(leaf.SerialNumber.Bytes()) // never fails
	return leaf.NotBefore.Add(life*2/3 - life/20*time.Duration(hash.Sum32()%1000)/1000)
}

// latestRenewal is when a certificate is renewed whatever was advised: with a tenth of its life left.
func latestRenewal(leaf *x509.Certificate) time.Time {
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 10)
}

// dueActive is when there is something to do for a domain that is served.
func (k *Keeper) dueActive(d platform.Domain) time.Time {
	c := k.certOf(d.Name)
	if d.Certificate.Source == platform.FromUpload {
		if c == nil || time.Now().After(c.Leaf.NotAfter) {
			return time.Now()
		}
		if remind := ownRenewal(c.Leaf); remind.After(d.State.NextTry) {
			return remind
		}
		return earlier(d.State.NextTry, c.Leaf.NotAfter)
	}
	if c == nil {
		if d.State.NextTry.IsZero() {
			return d.Created // lost from storage: at once
		}
		return d.State.NextTry
	}
	p := k.planOf(d.ID, c)
	if p.ask.IsZero() {
		return d.Created // its authority has not been asked yet
	}
	due := earlier(p.renew, latestRenewal(c.Leaf))
	if d.State.NextTry.After(due) {
		due = d.State.NextTry
	}
	return earlier(due, p.ask)
}

// tend looks after the certificate of a domain that is served.
func (k *Keeper) tend(ctx context.Context, d platform.Domain) error {
	c := k.certOf(d.Name)
	if d.Certificate.Source == platform.FromUpload {
		return k.remind(ctx, d, c)
	}
	if c != nil {
		p := k.planOf(d.ID, c)
		if !time.Now().Before(p.ask) {
			p = k.consult(ctx, d.ID, c)
		}
		if due := earlier(p.renew, latestRenewal(c.Leaf)); time.Now().Before(due) || time.Now().Before(d.State.NextTry) {
			return nil
		}
	}
	return k.renew(ctx, d, c)
}

// consult asks the authorities when c is to be renewed, and plans by it. A window that has passed means now; one that is
// longer than the certificate's life says nothing.
func (k *Keeper) consult(ctx context.Context, id string, c *tls.Certificate) plan {
	p := plan{serial: c.Leaf.SerialNumber.String(), renew: ownRenewal(c.Leaf), ask: time.Now().Add(askAgain)}
	for _, a := range k.authorities {
		if !k.issued(ctx, a, c) {
			continue
		}
		renew, again, ok := a.suggested(ctx, c.Leaf)
		if ok {
			p.renew = renew
		}
		if again.After(time.Now()) {
			p.ask = again
		}
	}
	k.setPlan(id, p)
	return p
}

// issued reports whether c came from an authority.
func (k *Keeper) issued(ctx context.Context, a *authority, c *tls.Certificate) bool {
	for _, name := range c.Leaf.DNSNames {
		if k.Storage.Exists(ctx, certmagic.StorageKeys.SiteCert(a.key(), name)) {
			return true
		}
	}
	return false
}

// renew gets another certificate while c, which may be nil, is served.
func (k *Keeper) renew(ctx context.Context, d platform.Domain, c *tls.Certificate) error {
	next, err := k.obtain(ctx, d, c != nil, func() error { return nil })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return k.notRenewed(ctx, d, c, err)
	}
	if err := k.keep(ctx, d.Name, next); err != nil {
		return err
	}
	k.serve(d, next)
	after, err := k.Records.UpdateDomain(ctx, d.ID, func(d *platform.Domain) error {
		d.Certificate = described(platform.FromACME, next)
		d.State = platform.DomainState{Proxy: d.State.Proxy, Message: "served over HTTPS until " + stamp(next.Leaf.NotAfter) + ", renewed before that"}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record domain %s: %w", d.Name, err)
	}
	k.publish(ctx, after, platform.EventDomainRenewed, "the certificate of "+d.Name+" was renewed and lasts until "+stamp(next.Leaf.NotAfter))
	return nil
}

// notRenewed records a renewal that has failed and tells of it, each time. A domain whose certificate is over needs action.
func (k *Keeper) notRenewed(ctx context.Context, d platform.Domain, c *tls.Certificate, err error) error {
	var ends time.Time
	if c != nil {
		ends = c.Leaf.NotAfter
	}
	state := k.consequence(d, err, ends)
	k.Logger.Warn("a certificate could not be renewed", "domain", d.Name, "until", ends, "err", err, "next", state.NextTry)
	if time.Now().After(ends) {
		state.Reason, state.Message = platform.CertificateExpired, "the certificate is over and could not be renewed: "+state.Message
		_, err = k.hold(ctx, d, state)
		return err
	}
	state.Message = "the renewal has failed: " + state.Message + "; the certificate lasts until " + stamp(ends)
	state.Reason = platform.RenewalFailed
	after, err := k.note(ctx, d, state)
	if err != nil {
		return err
	}
	k.publish(ctx, after, platform.EventRenewalFailed, d.Name+": "+state.Message)
	return nil
}

// remind tells the owner of an uploaded certificate that it ends.
func (k *Keeper) remind(ctx context.Context, d platform.Domain, c *tls.Certificate) error {
	const hint = "Upload the next one: csph domains set-certificate."
	if c == nil || time.Now().After(c.Leaf.NotAfter) {
		_, err := k.hold(ctx, d, platform.DomainState{Reason: platform.CertificateExpired, Message: "the uploaded certificate is over", Hint: hint})
		return err
	}
	after, err := k.note(ctx, d, platform.DomainState{
		Reason: platform.CertificateExpires, Message: "the uploaded certificate lasts until " + stamp(c.Leaf.NotAfter) + " and is not renewed by csph",
		Hint: hint, NextTry: in(remindEvery),
	})
	if err != nil {
		return err
	}
	k.publish(ctx, after, platform.EventCertificateEnds, d.Name+": "+after.State.Message)
	return nil
}

// Expiries returns when the certificate of each domain that has one ends.
func (k *Keeper) Expiries() map[string]time.Time {
	now := k.sites.now.Load()
	all := make(map[string]time.Time, len(now.exact)+len(now.wild))
	for name, s := range now.exact {
		if s.cert != nil {
			all[name] = s.cert.Leaf.NotAfter
		}
	}
	for name, s := range now.wild {
		if s.cert != nil {
			all["*."+name] = s.cert.Leaf.NotAfter
		}
	}
	return all
}
