package store

import (
	"context"
	"fmt"

	"csph/platform"
)

const webhookColumns = "SELECT id, service, provider, branch, tags, previews, keep, watch, set_by, created FROM webhooks "

func scanWebhook(r row) (w platform.Webhook, err error) {
	err = r.Scan(&w.ID, &w.Service, &w.Provider, &w.Branch, &w.Tags, &w.Previews, &w.KeepPreviews, document{&w.Watch}, &w.By, instant{&w.Created})
	return w, err
}

// CreateWebhook stores a webhook of the service that it names, with a new id and time. Its secret is returned here,
// and kept encrypted: deliveries are proven with it.
func (db *DB) CreateWebhook(ctx context.Context, w platform.Webhook) (_ platform.Webhook, secret string, err error) {
	secret, sealed, err := db.newSealedSecret()
	if err != nil {
		return w, "", err
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := db.service(ctx, tx, w.Service); err != nil {
			return err
		}
		if w.ID, err = db.ids.next(platform.WebhookPrefix); err != nil {
			return err
		}
		w.Created = now()
		_, err := tx.ExecContext(ctx, `INSERT INTO webhooks (id, service, provider, branch, tags, previews, keep, watch, sealed, set_by, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			w.ID, w.Service, w.Provider, w.Branch, w.Tags, w.Previews, int64(w.KeepPreviews), document{orEmpty(w.Watch)}, sealed, w.By, instant{&w.Created})
		if err != nil {
			return fmt.Errorf("insert webhook: %w", err)
		}
		return nil
	})
	return w, secret, err
}

func (db *DB) newSealedSecret() (secret string, sealed []byte, err error) {
	if secret, err = newSecret(""); err != nil {
		return "", nil, err
	}
	if sealed, err = db.seal([]byte(secret)); err != nil {
		return "", nil, fmt.Errorf("keep the webhook's secret: %w", err)
	}
	return secret, sealed, nil
}

// Webhook returns a webhook by its id.
func (db *DB) Webhook(ctx context.Context, id string) (platform.Webhook, error) {
	w, err := one(ctx, db.reader, scanWebhook, "webhook", id, webhookColumns+"WHERE id = $1", id)
	return w, db.explain(err)
}

// WebhookSecret decrypts a webhook's secret. It is for proving deliveries and for nothing else.
func (db *DB) WebhookSecret(ctx context.Context, id string) (string, error) {
	sealed, err := one(ctx, db.reader, scanBytes, "webhook", id, "SELECT sealed FROM webhooks WHERE id = $1", id)
	if err != nil {
		return "", db.explain(err)
	}
	plain, err := db.unseal(sealed)
	if err != nil {
		return "", fmt.Errorf("read the secret of webhook %s: %w", id, err)
	}
	return string(plain), nil
}

// Webhooks lists a service's webhooks, oldest first.
func (db *DB) Webhooks(ctx context.Context, service string) ([]platform.Webhook, error) {
	all, err := list(ctx, db.reader, scanWebhook, webhookColumns+"WHERE service = $1 ORDER BY id", service)
	if err != nil {
		return nil, fmt.Errorf("list webhooks of service %s: %w", service, db.explain(err))
	}
	return all, nil
}

// RotateWebhook gives a webhook a new secret; the old one counts no more.
func (db *DB) RotateWebhook(ctx context.Context, id string) (secret string, err error) {
	secret, sealed, err := db.newSealedSecret()
	if err != nil {
		return "", err
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "UPDATE webhooks SET sealed = $2 WHERE id = $1", id, sealed)
		if err != nil {
			return fmt.Errorf("update webhook %s: %w", id, err)
		}
		return affected(res, "webhook", id)
	})
	return secret, err
}

// DeleteWebhook deletes a webhook with its deliveries.
func (db *DB) DeleteWebhook(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM webhooks WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete webhook %s: %w", id, err)
		}
		return affected(res, "webhook", id)
	})
}
