package forge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"csph/gitd/remote"
	"csph/platform"
)

// How a Reporter goes about it.
const (
	batch        = 50
	atOnce       = 4 // services whose hosts are told something
	mostAttempts = 10
	firstPause   = 5 * time.Second
	longestSleep = time.Minute
	recordTime   = 15 * time.Second
	mention      = time.Minute // a pause that is longer is told of
)

// Reporter tells the hosts of repositories what is in the outbox.
type Reporter struct {
	outbox    Outbox
	addresses Addresses
	client    *Client
	tell      func(platform.Event) // once for what cannot be told
	log       *slog.Logger
	woken     chan struct{} // capacity 1
}

// NewReporter returns a reporter that does nothing before Run.
func NewReporter(outbox Outbox, addresses Addresses, client *Client, tell func(platform.Event), log *slog.Logger) *Reporter {
	return &Reporter{outbox: outbox, addresses: addresses, client: client, tell: tell, log: log, woken: make(chan struct{}, 1)}
}

// Wake says that something was put into the outbox.
func (p *Reporter) Wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Run tells what is due until ctx ends, and returns once the requests under way have noticed that.
func (p *Reporter) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(p.round(ctx))
		select {
		case <-timer.C:
		case <-p.woken:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// round tells everything that is due, and returns how long to sleep.
func (p *Reporter) round(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		due, err := p.outbox.DueReports(ctx, time.Now(), batch)
		if err != nil {
			return p.pause(ctx, err)
		}
		if len(due) == 0 {
			break
		}
		if err := p.tellAll(ctx, due); err != nil {
			return p.pause(ctx, err)
		}
	}
	next, err := p.outbox.NextReport(ctx)
	switch {
	case err != nil:
		return p.pause(ctx, err)
	case next.IsZero():
		return longestSleep
	}
	return max(0, min(time.Until(next), longestSleep))
}

func (p *Reporter) pause(ctx context.Context, err error) time.Duration {
	if ctx.Err() == nil {
		p.log.Warn("the queue of reports fails; trying again", "err", err)
	}
	return firstPause
}

// tellAll tells the reports of each service in their order, those of some services at once.
func (p *Reporter) tellAll(ctx context.Context, due []platform.Report) error {
	services := map[string][]platform.Report{}
	for _, r := range due {
		services[r.Service] = append(services[r.Service], r)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, reports := range services {
		group.Go(func() error {
			for _, r := range reports {
				if more, err := p.tellOne(ctx, r); err != nil || !more {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// tellOne tells one report; more is false when those behind it need not be tried now. Errors are the outbox's.
func (p *Reporter) tellOne(ctx context.Context, r platform.Report) (more bool, err error) {
	provider, to, err := p.addresses.Address(ctx, r.Service)
	if err == nil {
		r.Handle, err = p.client.Tell(ctx, provider, to, r)
	}
	if ctx.Err() != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	var refused *RefusedError
	var closed *remote.AddressError
	switch {
	case err == nil:
		r.Attempts, r.Due = 0, time.Time{}
		return true, p.outbox.KeepReport(ctx, r)
	case errors.Is(err, platform.ErrNotFound): // disconnected meanwhile
		r.Due, r.Last = time.Time{}, true
		return true, p.outbox.KeepReport(ctx, r)
	case errors.As(err, &refused) && refused.Closed(), errors.As(err, &closed), errors.Is(err, platform.ErrInvalid):
		return false, p.mute(ctx, r, err)
	case errors.As(err, &refused) && !refused.Later:
		return true, p.drop(ctx, r, err)
	}
	return false, p.postpone(ctx, r, err)
}

// mute ends the reports of a service until it is connected anew.
func (p *Reporter) mute(ctx context.Context, r platform.Report, cause error) error {
	first, err := p.outbox.MuteReports(ctx, r.Service, cause.Error())
	if first {
		p.say(r, fmt.Sprintf("nothing more is reported to the repository's host: %v; connect it with a token that may write commit statuses: csph services connect-repo --token-file", cause))
	}
	return err
}

// drop gives one report up.
func (p *Reporter) drop(ctx context.Context, r platform.Report, cause error) error {
	p.say(r, fmt.Sprintf("the %s of %s was not reported: %v", r.Kind, subjectOf(r), cause))
	r.Due, r.Last = time.Time{}, r.Last || r.Kind != platform.ReportComment
	return p.outbox.KeepReport(ctx, r)
}

// postpone tries again later, or gives up after some times.
func (p *Reporter) postpone(ctx context.Context, r platform.Report, cause error) error {
	if r.Attempts++; r.Attempts >= mostAttempts {
		return p.drop(ctx, r, cause)
	}
	wait := min(firstPause<<(r.Attempts-1), longestWait)
	var refused *RefusedError
	if errors.As(cause, &refused) && refused.After > wait {
		wait = refused.After
		if r.Attempts == 1 && wait > mention {
			p.say(r, fmt.Sprintf("reports wait for %s: %v", wait.Round(time.Second), cause))
		}
	}
	r.Due = time.Now().Add(wait)
	return p.outbox.KeepReport(ctx, r)
}

func (p *Reporter) say(r platform.Report, message string) {
	p.tell(platform.Event{Service: r.Service, Deployment: r.Deployment, Kind: platform.EventReport, Status: string(r.State), Message: message})
}

// subjectOf names what a report is about for people.
func subjectOf(r platform.Report) string {
	if r.Kind == platform.ReportComment {
		return fmt.Sprintf("pull request %d", r.Pull)
	}
	return fmt.Sprintf("commit %.7s", r.Commit)
}
