package cert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"csph/platform"
	"csph/router/cert/dnscheck"
)

// writeTimeout bounds what is recorded of an order although Run is ending.
const writeTimeout = 10 * time.Second

// due is when there is something to do for a domain, the zero time for never.
func (k *Keeper) due(d platform.Domain) time.Time {
	switch {
	case d.Certificate.Source == platform.FromInternal, d.Certificate.Source == platform.FromHost:
		return time.Time{}
	case d.Status == platform.DomainActive:
		return k.dueActive(d)
	case d.Certificate.Source == platform.FromUpload:
		return time.Time{} // its owner has to bring another one
	case d.State.NextTry.IsZero():
		return d.Created
	}
	return d.State.NextTry
}

// work does for a domain what is due; the caller has claimed it.
func (k *Keeper) work(ctx context.Context, id string) {
	d, err := k.Records.Domain(ctx, id)
	if errors.Is(err, platform.ErrNotFound) {
		return // removed meanwhile
	}
	if err == nil {
		if d.Status == platform.DomainActive {
			err = k.tend(ctx, d)
		} else {
			err = k.bring(ctx, d)
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, platform.ErrNotFound) {
		k.Logger.Error("domain is left as it is; trying again", "domain", d.Name, "err", err)
		k.postpone(ctx, id, k.Waits.Order)
	}
}

// postpone keeps a domain that could not be worked on from being due at once.
func (k *Keeper) postpone(ctx context.Context, id string, wait time.Duration) {
	_, err := k.Records.UpdateDomain(ctx, id, func(d *platform.Domain) error {
		d.State.NextTry = time.Now().Add(wait).UTC()
		return nil
	})
	if err != nil && ctx.Err() == nil {
		k.Logger.Error("domain cannot be recorded", "domain", id, "err", err)
	}
}

// bring takes a domain that has no certificate as far towards one as it can.
func (k *Keeper) bring(ctx context.Context, d platform.Domain) (err error) {
	if d.Status == platform.Issuing { // the order was interrupted
		if d, err = k.resume(ctx, d); err != nil {
			return err
		}
	}
	d, right, err := k.look(ctx, d)
	if err != nil || !right {
		return err
	}
	return k.place(ctx, d)
}

// resume takes up an order that a restart has interrupted: it is made again, and authorities give the
// same one back while it is pending (RFC 8555 section 7.1.6).
func (k *Keeper) resume(ctx context.Context, d platform.Domain) (platform.Domain, error) {
	return k.move(ctx, d, platform.RetryOrder, func(d *platform.Domain) {
		d.State = platform.DomainState{Message: "the order was interrupted by a restart and is made again", Proxy: d.State.Proxy, Attempts: d.State.Attempts}
	})
}

// look checks the DNS of a domain that has no certificate, and moves it accordingly. right says that an order may be made.
func (k *Keeper) look(ctx context.Context, d platform.Domain) (after platform.Domain, right bool, err error) {
	if why := k.impossible(d); why.Reason != "" {
		after, err = k.hold(ctx, d, why)
		return after, false, err
	}
	f, err := k.DNS.Check(ctx, d.Name, k.expect(ctx, d))
	if err != nil {
		return d, false, err
	}
	return k.judged(ctx, d, f)
}

// judged records what the DNS says of a domain that has no certificate. right says that an order may be made.
func (k *Keeper) judged(ctx context.Context, d platform.Domain, f dnscheck.Finding) (after platform.Domain, right bool, err error) {
	if f.Verdict == dnscheck.Right {
		after, err = k.found(ctx, d, f)
		return after, err == nil, err
	}
	state := platform.DomainState{Reason: reasons[f.Verdict], Message: f.Message, Hint: f.Hint, Proxy: f.Proxy, Attempts: d.State.Attempts + 1}
	state.NextTry = in(backoff(k.Waits.DNS, k.Waits.DNSLongest, state.Attempts))
	switch {
	case f.Verdict == dnscheck.Missing && d.Status != platform.PendingDNS:
		after, err = k.move(ctx, d, platform.LoseDNS, func(d *platform.Domain) { d.State = state })
	case f.Verdict == dnscheck.Missing || f.Verdict == dnscheck.Unanswered:
		after, err = k.note(ctx, d, state)
	default:
		after, err = k.hold(ctx, d, state)
	}
	return after, false, err
}

var reasons = map[dnscheck.Verdict]platform.DomainReason{
	dnscheck.Missing: platform.DNSMissing, dnscheck.Elsewhere: platform.DNSElsewhere,
	dnscheck.Forbidden: platform.CAAForbids, dnscheck.Unanswered: platform.DNSUnanswered,
}

// impossible is why no order could ever succeed; empty when one could.
func (k *Keeper) impossible(d platform.Domain) platform.DomainState {
	switch {
	case k.Ports.HTTPS == "":
		return platform.DomainState{Reason: platform.NoHTTPS, Message: "this server does not serve HTTPS", Hint: "Start csphd with --https ADDRESS.", NextTry: in(k.Waits.OrderLongest)}
	case isWildcard(d.Name) && k.providerFor(d.Name) == nil:
		return platform.DomainState{
			Reason: platform.NoDNSProvider, Message: "a certificate for " + d.Name + " needs a change of its zone, and no provider of this zone is configured",
			Hint:    "Configure one under acme.dns in csphd's configuration, or upload a certificate: csph domains set-certificate.",
			NextTry: in(k.Waits.OrderLongest),
		}
	}
	return platform.DomainState{}
}

// expect is where the domain should lead, and who may issue.
func (k *Keeper) expect(ctx context.Context, d platform.Domain) dnscheck.Expect {
	e := k.Expect(ctx, d)
	for _, a := range k.authorities {
		names := a.caaNames(ctx)
		if len(names) == 0 {
			e.CAs = nil // one that nobody can name may be excluded or not: its own validation tells
			return e
		}
		e.CAs = append(e.CAs, names...)
	}
	return e
}

// found records that the DNS is right.
func (k *Keeper) found(ctx context.Context, d platform.Domain, f dnscheck.Finding) (platform.Domain, error) {
	if d.Status == platform.Validating {
		return d, nil
	}
	return k.move(ctx, d, platform.FindDNS, func(d *platform.Domain) {
		attempts := 0
		if d.Status == platform.ActionRequired {
			attempts = d.State.Attempts // orders have failed: the next wait is longer
		}
		d.State = platform.DomainState{Message: f.Message, Proxy: f.Proxy, Attempts: attempts}
	})
}

// place orders the first certificate of a domain that is validating.
func (k *Keeper) place(ctx context.Context, d platform.Domain) error {
	c, err := k.obtain(ctx, d, false, func() (err error) {
		if d.Status == platform.Validating {
			d, err = k.move(ctx, d, platform.PlaceOrder, func(d *platform.Domain) { d.State.Message = "a certificate is being ordered" })
		}
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err() // it stays issuing, and is resumed
	}
	if err == nil {
		_, err = k.activate(ctx, d, c)
		return err
	}
	return k.failed(ctx, d, err)
}

// obtain asks the authorities in turn for a certificate. placing is called before an order is made. None is
// made when storage has a newer certificate than the one served: from an order that a restart has interrupted, or from
// another process.
func (k *Keeper) obtain(ctx context.Context, d platform.Domain, renewal bool, placing func() error) (*tls.Certificate, error) {
	if c := k.newest(ctx, d.Name); c != nil && time.Now().Before(latestRenewal(c.Leaf)) {
		return c, nil
	}
	var last error
	for _, a := range k.authoritiesFor(d.Name) {
		err := k.Ledger.Order(ctx, a.key(), d.Name, a.Limits, renewal)
		if err == nil {
			if err = placing(); err != nil {
				return nil, err
			}
			err = a.order(ctx, d.Name)
		}
		if err == nil {
			return k.ordered(ctx, a, d.Name, renewal)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = telling(last, err)
		if final, err := k.account(ctx, a, d.Name, err); final || err != nil {
			return nil, errors.Join(last, err)
		}
	}
	if last == nil {
		return nil, errors.New("no certificate authority is configured")
	}
	return nil, last
}

// ordered is the certificate that an order has left in storage, entered in the budget.
func (k *Keeper) ordered(ctx context.Context, a *authority, name string, renewal bool) (*tls.Certificate, error) {
	if err := k.Ledger.Issue(ctx, a.key(), name, renewal); err != nil {
		return nil, err
	}
	if c := k.newest(ctx, name); c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("the certificate that was ordered for %s is not in storage", name)
}
