package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"csph/deploy"
	"csph/gitd"
	"csph/gitd/webhook"
	"csph/platform"
	"csph/store"
)

// hooksName is what the webhooks are called in the router's table, and in their host name. No service is called so.
const hooksName = store.ReservedName

// hooks are the webhooks' records in the words of package webhook.
type hooks struct {
	db      *store.DB
	refused *refusals
}

// Hook implements webhook.Hooks. A webhook that names no branch follows the one that its service is connected to.
func (h hooks) Hook(ctx context.Context, id string) (webhook.Hook, error) {
	w, err := h.db.Webhook(ctx, id)
	if err != nil {
		return webhook.Hook{}, err
	}
	if w.Branch == "" {
		r, err := h.db.Repository(ctx, w.Service)
		if ignoreMissing(err) != nil {
			return webhook.Hook{}, err
		}
		w.Branch = r.Branch
	}
	secret, err := h.db.WebhookSecret(ctx, id)
	return hookOf(w, secret), err
}

// Refused implements webhook.Hooks.
func (h hooks) Refused(ctx context.Context, hook webhook.Hook, address string) {
	account := ""
	if svc, err := h.db.Service(ctx, hook.Service); err == nil {
		account = svc.Account
	}
	h.refused.forged(ctx, platform.AuditEntry{
		Account: account, Address: address, Action: "webhook", Target: "webhooks/" + hook.ID,
		Status: http.StatusUnauthorized, Message: "the delivery is not signed with this webhook's secret",
	})
}

func hookOf(w platform.Webhook, secret string) webhook.Hook {
	return webhook.Hook{
		ID: w.ID, Service: w.Service, Provider: webhook.Provider(w.Provider), Secret: secret,
		Branch: w.Branch, Tags: w.Tags, Previews: w.Previews, Watch: w.Watch,
	}
}

// Accept implements webhook.Orders.
func (h hooks) Accept(ctx context.Context, o webhook.Order) (webhook.Order, bool, error) {
	d := platform.Delivery{
		Webhook: o.Hook, Service: o.Service, Name: o.Delivery, Ref: o.Ref, Commit: o.Commit, Subject: o.Subject, Sender: o.Sender, Address: o.Address,
	}
	if p := o.Pull; p != nil {
		d.Pull = &platform.PullRequest{Number: p.Number, State: string(p.State), Title: p.Title, Branch: p.Branch, Source: p.Source}
	}
	svc, err := h.db.Service(ctx, o.Service)
	if err != nil {
		return webhook.Order{}, false, err
	}
	stored, fresh, err := h.db.AcceptDelivery(ctx, d, platform.AuditEntry{
		Account: svc.Account, Member: o.Sender, Address: o.Address, Action: "webhook", Target: "webhooks/" + o.Hook,
		Status: http.StatusAccepted, Message: o.Ref + " " + o.Commit,
	})
	return orderOf(stored), fresh, err
}

func orderOf(d platform.Delivery) webhook.Order {
	o := webhook.Order{
		ID: d.ID, Hook: d.Webhook, Service: d.Service, Delivery: d.Name, Ref: d.Ref, Commit: d.Commit, Subject: d.Subject,
		Sender: d.Sender, Address: d.Address, Accepted: d.Accepted,
	}
	if p := d.Pull; p != nil {
		o.Pull = &webhook.Pull{Number: p.Number, State: webhook.PullState(p.State), Title: p.Title, Branch: p.Branch, Commit: d.Commit, Source: p.Source}
	}
	return o
}

// Waiting implements webhook.Orders.
func (h hooks) Waiting(ctx context.Context) ([]webhook.Order, error) {
	all, err := h.db.WaitingDeliveries(ctx)
	orders := make([]webhook.Order, len(all))
	for i, d := range all {
		orders[i] = orderOf(d)
	}
	return orders, err
}

// Settle implements webhook.Orders.
func (h hooks) Settle(ctx context.Context, id, deployment, outcome string) error {
	return h.db.SettleDelivery(ctx, id, deployment, outcome)
}

// starter makes the deployments that webhooks ask for.
type starter struct {
	db       *store.DB
	deployer *deploy.Deployer
	origins  origins
	previews previews
}

// Start implements webhook.Starter. What an earlier csphd has built of the same commit is not built again.
func (s starter) Start(ctx context.Context, o webhook.Order) (string, error) {
	if o.Pull != nil {
		return s.previews.start(ctx, o)
	}
	if d, ok, err := s.underWay(ctx, o); ok || err != nil {
		return d.ID, err
	}
	commit := gitd.Commit{Ref: o.Ref, ID: o.Commit, Subject: o.Subject}
	hook, err := s.db.Webhook(ctx, o.Hook)
	if err != nil {
		return "", err
	}
	touched, err := s.origins.touches(ctx, o.Service, commit, hook.Watch)
	if err == nil && !touched {
		err = webhook.NothingToDo("none of the files that are watched differs from what is live")
	}
	if err != nil {
		return "", err
	}
	source, err := s.origins.commit(ctx, o.Service, commit)
	if err != nil {
		return "", err
	}
	d, err := s.deployer.Start(ctx, deploy.Request{
		Service: o.Service, Source: source, Trigger: triggerOf(o),
	})
	return d.ID, err
}

// triggerOf says who asked for what an order deploys.
func triggerOf(o webhook.Order) platform.Trigger {
	return platform.Trigger{Kind: platform.TriggerWebhook, Actor: o.Sender, Address: o.Address}
}

// underWay is the service's newest deployment, when it is one of this order's commit that is past its build.
func (s starter) underWay(ctx context.Context, o webhook.Order) (platform.Deployment, bool, error) {
	newest, err := s.db.Deployments(ctx, o.Service, 1)
	if err != nil || len(newest) == 0 || newest[0].Source.Revision != o.Commit || newest[0].Created.Before(o.Accepted) {
		return platform.Deployment{}, false, err
	}
	switch d := newest[0]; d.Status {
	case platform.RollingOut, platform.HealthCheck, platform.Live:
		return d, true, nil
	default:
		return platform.Deployment{}, false, nil
	}
}

// Wait implements webhook.Starter.
func (s starter) Wait(ctx context.Context, deployment string) (string, error) {
	d, err := s.deployer.Wait(ctx, deployment)
	switch {
	case err != nil:
		return "", err
	case ctx.Err() != nil:
		return "", context.Cause(ctx) // csphd stops; what it has cut short is done again
	case d.Message != "":
		return string(d.Status) + ": " + d.Message, nil
	}
	return string(d.Status), nil
}

// Check implements api.Hooks.
func (s *server) Check(w platform.Webhook) error { return hookOf(w, "").Validate() }

// Setup implements api.Hooks.
func (s *server) Setup(w platform.Webhook, secret string) (string, []string) {
	url := s.config.HooksURL + "/hooks/" + w.ID
	if s.config.HooksURL == "" {
		url = s.publicURL(hooksName+"."+s.config.AppsDomain) + "/hooks/" + w.ID
	}
	return url, webhook.Provider(w.Provider).Setup(url, secret)
}

// hookHeaderTime bounds the header of a delivery; its body and answer have bounds of their own.
const hookHeaderTime = 10 * time.Second

// serveHooks answers webhooks on a socket that the router leads to, and carries out what they order, until ctx ends.
func (s *server) serveHooks(ctx context.Context) error {
	trusted, err := networks("router.trusted_proxies", s.config.Router.TrustedProxies)
	if err != nil {
		return err
	}
	records := hooks{s.db, newRefusals(s.db, s.logger)}
	from := origins{s.db, s.git}
	queue := webhook.NewQueue(records, starter{s.db, s.deployer, from, s.previews()}, s.logger)
	mux := http.NewServeMux()
	mux.Handle("/hooks/{id}", behindRouter(trusted, webhook.NewHandler(records, records, queue, s.logger)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: hookHeaderTime, IdleTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx }}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() }) // whoever is cut off delivers again
	defer stopped()
	target := listener.Addr().(*net.TCPAddr).AddrPort()
	if _, err := s.front.inTandem().Swap(ctx, hooksName, []string{hooksName + "." + s.config.AppsDomain}, []netip.AddrPort{target}); err != nil {
		return errors.Join(fmt.Errorf("route the webhooks: %w", err), listener.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	err = queue.Run(ctx)
	_ = server.Close()
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve webhooks: %w", served))
	}
	return err
}

// behindRouter gives requests the address that they came to the router from, seen through trusted proxies before it.
func behindRouter(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
		for _, hop := range slices.Backward(hops) {
			from, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break // what is no address cannot be followed
			}
			r.RemoteAddr = netip.AddrPortFrom(from.Unmap(), 0).String()
			if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(from.Unmap()) }) {
				break
			}
		}
		next.ServeHTTP(w, r)
	})
}
