package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type createWebhook struct {
	ServicePath
	Body wire.NewWebhook
}

// WebhookPath is a request about one webhook; exported for the same reason as ServicePath.
type WebhookPath struct {
	Webhook string `path:"webhook" doc:"id"`
}

type listDeliveries struct {
	WebhookPath
	Page
}

func (s *Server) webhookOperations(api huma.API) {
	op := operationsOf("sources")
	add(s, api, op("list-webhooks", http.MethodGet, "/v1/services/{service}/webhooks", "List a service's webhooks"), s.listWebhooks)
	add(s, api, op("create-webhook", http.MethodPost, "/v1/services/{service}/webhooks", "Make a webhook; its secret is shown here only").answering(http.StatusCreated), s.createWebhook)
	add(s, api, op("rotate-webhook", http.MethodPost, "/v1/webhooks/{webhook}/rotate", "Give a webhook a new secret; the old one counts no more"), s.rotateWebhook)
	add(s, api, op("delete-webhook", http.MethodDelete, "/v1/webhooks/{webhook}", "Delete a webhook"), s.deleteWebhook)
	add(s, api, op("list-deliveries", http.MethodGet, "/v1/webhooks/{webhook}/deliveries", "List what a webhook has taken on, and what became of it"), s.listDeliveries)
}

func (s *Server) listWebhooks(ctx context.Context, in *listOfService) (*listed[platform.Webhook], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Webhooks(ctx, svc.ID)
	return short(ctx, in.Page, all, func(w platform.Webhook) string { return w.ID }, err)
}

func (s *Server) createWebhook(ctx context.Context, in *createWebhook) (*body[wire.MadeWebhook], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	w := platform.Webhook{
		Service: svc.ID, Provider: in.Body.Provider, Branch: in.Body.Branch, Tags: in.Body.Tags, Previews: in.Body.Previews,
		KeepPreviews: time.Duration(in.Body.KeepPreviewsSeconds) * time.Second, Watch: in.Body.Watch,
		By: caller(ctx).MemberName,
	}
	if err := s.Hooks.Check(w); err != nil {
		return nil, err
	}
	w, secret, err := s.Records.CreateWebhook(ctx, w)
	return s.madeWebhook(w, secret, err)
}

func (s *Server) madeWebhook(w platform.Webhook, secret string, err error) (*body[wire.MadeWebhook], error) {
	if err != nil {
		return nil, err
	}
	out := wire.MadeWebhook{Webhook: w, Secret: secret}
	out.URL, out.Setup = s.Hooks.Setup(w, secret)
	return answer(out, nil)
}

// webhook returns a webhook of a service that the caller sees.
func (s *Server) webhook(ctx context.Context, id string) (platform.Webhook, error) {
	w, err := s.Records.Webhook(ctx, id)
	if err != nil {
		return w, err
	}
	if _, err := s.service(ctx, w.Service); err != nil {
		return platform.Webhook{}, hidden("webhook", id)
	}
	return w, nil
}

func (s *Server) rotateWebhook(ctx context.Context, in *WebhookPath) (*body[wire.MadeWebhook], error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	secret, err := s.Records.RotateWebhook(ctx, w.ID)
	return s.madeWebhook(w, secret, err)
}

func (s *Server) deleteWebhook(ctx context.Context, in *WebhookPath) (*none, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	return nil, s.Records.DeleteWebhook(ctx, w.ID)
}

func (s *Server) listDeliveries(ctx context.Context, in *listDeliveries) (*listed[platform.Delivery], error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	before, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Deliveries(ctx, w.ID, before, in.Limit+1)
	return paged(ctx, in.Page, all, func(d platform.Delivery) string { return d.ID }, err)
}
