package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"csph/platform"
)

const (
	deploymentColumns = `SELECT d.id, d.service, s.name, d.status, d.reason, d.message, d.hint, d.tail,
		d.triggered_by, d.source, d.config, d.image, d.history, d.url, d.created
	FROM deployments d JOIN services s ON s.id = d.service `
	// unsettled is the condition of the partial index deployments_unsettled.
	unsettled = "status NOT IN ('retired', 'failed', 'canceled', 'superseded')"
	// underWay is the condition of deployments whose rollout has not ended.
	underWay = "status IN ('queued', 'building', 'rolling_out', 'health_check')"
	// candidates bounds how many deployments an ambiguous prefix is said to mean.
	candidates = 3
)

func scanDeployment(r row) (d platform.Deployment, err error) {
	err = r.Scan(&d.ID, &d.Service, &d.Name, &d.Status, &d.Reason, &d.Message, &d.Hint, document{&d.Tail},
		document{&d.Trigger}, document{&d.Source}, document{&d.Config}, document{&d.Image}, document{&d.History}, &d.URL, instant{&d.Created})
	return d, err
}

// Deployment returns the deployment with this id.
func (db *DB) Deployment(ctx context.Context, id string) (platform.Deployment, error) {
	d, err := db.deployment(ctx, db.reader, id)
	return d, db.explain(err)
}

func (db *DB) deployment(ctx context.Context, q querier, id string) (platform.Deployment, error) {
	return one(ctx, q, scanDeployment, "deployment", id, deploymentColumns+"WHERE d.id = $1", id)
}

// CreateDeployment stores d as queued, with a new id, history and time; its id is larger than those of
// all earlier deployments. The events, of this deployment, are published in the same transaction. ErrNotFound when there is
// no such service.
func (db *DB) CreateDeployment(ctx context.Context, d platform.Deployment, events ...platform.Event) (platform.Deployment, error) {
	return db.move(ctx, events, func(ctx context.Context, tx querier) (made platform.Deployment, err error) {
		svc, err := db.service(ctx, tx, d.Service)
		if err != nil {
			return made, err
		}
		if d.ID, err = db.ids.next(platform.DeploymentPrefix); err != nil {
			return made, err
		}
		d.Status, d.Created = platform.Queued, now()
		d.History = []platform.Phase{{Status: platform.Queued, At: d.Created}}
		if err := insertDeployment(ctx, tx, svc, d); err != nil {
			return made, err
		}
		return db.deployment(ctx, tx, d.ID)
	})
}

func insertDeployment(ctx context.Context, tx querier, svc platform.Service, d platform.Deployment) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO deployments (id, service, status, reason, message, hint, tail,
			triggered_by, source, config, image, history, url, created, account, project)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		d.ID, d.Service, d.Status, d.Reason, d.Message, d.Hint, document{d.Tail},
		document{d.Trigger}, document{d.Source}, document{d.Config}, document{d.Image}, document{d.History}, d.URL, instant{&d.Created}, svc.Account, svc.Project)
	if err != nil {
		return fmt.Errorf("insert deployment of service %s: %w", d.Service, err)
	}
	return nil
}

// Deployments lists a service's deployments ("" for all services'), newest first; limit 0 means all.
func (db *DB) Deployments(ctx context.Context, service string, limit int) ([]platform.Deployment, error) {
	return db.DeploymentPage(ctx, Page{Service: service, Limit: limit})
}

// Page selects deployments, newest first. Zero fields do not restrict.
type Page struct {
	Account  string
	Projects []string // ids; nil: all
	Service  string
	Status   platform.Status
	Before   string // id of the last deployment of the page before this one
	Limit    int
}

// DeploymentPage lists one page of deployments.
func (db *DB) DeploymentPage(ctx context.Context, p Page) ([]platform.Deployment, error) {
	var where conditions
	where.equal("d.service", p.Service)
	account := "d.account"
	if p.Service != "" {
		account = "d.account || ''" // the index of the service is the better one
	}
	where.equal(account, p.Account)
	where.equal("d.status", string(p.Status))
	where.among("d.project", p.Projects)
	where.before("d.id", p.Before)
	if p.Limit <= 0 {
		p.Limit = math.MaxInt32
	}
	query := fmt.Sprintf("%s%sORDER BY d.id DESC LIMIT %d", deploymentColumns, where.sql(), p.Limit)
	all, err := list(ctx, db.reader, scanDeployment, query, where.args...)
	if err != nil {
		return nil, fmt.Errorf("list deployments: %w", db.explain(err))
	}
	return all, nil
}

// LiveOf reads the live deployments of services, by service.
func (db *DB) LiveOf(ctx context.Context, services []platform.Service) (map[string]platform.Deployment, error) {
	of := []string{}
	for _, s := range services {
		if s.Live != "" {
			of = append(of, s.ID)
		}
	}
	var where conditions
	where.among("d.service", of)
	all, err := list(ctx, db.reader, scanDeployment, deploymentColumns+where.sql()+"AND d.status = 'live'", where.args...)
	if err != nil {
		return nil, fmt.Errorf("list live deployments: %w", db.explain(err))
	}
	live := make(map[string]platform.Deployment, len(all))
	for _, d := range all {
		live[d.Service] = d
	}
	return live, nil
}

// WithImage lists a service's deployments that have an image, newest first. They are few however long the history is.
func (db *DB) WithImage(ctx context.Context, service string) ([]platform.Deployment, error) {
	all, err := list(ctx, db.reader, scanDeployment, deploymentColumns+"WHERE d.service = $1 AND d."+imaged+" ORDER BY d.id DESC", service)
	if err != nil {
		return nil, fmt.Errorf("list deployments with an image: %w", db.explain(err))
	}
	return all, nil
}

// Unsettled lists the deployments that are not terminal, the live ones included, oldest first.
func (db *DB) Unsettled(ctx context.Context) ([]platform.Deployment, error) {
	all, err := list(ctx, db.reader, scanDeployment, deploymentColumns+"WHERE d."+unsettled+" ORDER BY d.id")
	if err != nil {
		return nil, fmt.Errorf("list unsettled deployments: %w", db.explain(err))
	}
	return all, nil
}

// FindDeployment returns the account's deployment whose id starts with prefix; the leading dep_ may be
// left out. ErrNotFound when there is none, ErrConflict, naming some, when there are several.
func (db *DB) FindDeployment(ctx context.Context, account, prefix string) (platform.Deployment, error) {
	start := platform.DeploymentPrefix + "_" + strings.TrimPrefix(prefix, platform.DeploymentPrefix+"_")
	// ~ sorts after every character of an id.
	found, err := list(ctx, db.reader, scanDeployment, deploymentColumns+
		"WHERE d.account = $1 AND d.id >= $2 AND d.id < $3 ORDER BY d.id DESC LIMIT $4", account, start, start+"~", candidates)
	switch {
	case err != nil:
		return platform.Deployment{}, fmt.Errorf("find deployment %s: %w", prefix, db.explain(err))
	case prefix == "" || len(found) == 0:
		return platform.Deployment{}, fmt.Errorf("%w: there is no deployment %q", platform.ErrNotFound, prefix)
	case len(found) > 1:
		return platform.Deployment{}, fmt.Errorf("%w: %q is the start of several ids (%s, …); write more of it", platform.ErrConflict, prefix, joinIDs(found))
	}
	return found[0], nil
}

func joinIDs(all []platform.Deployment) string {
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = d.ID
	}
	return strings.Join(ids, ", ")
}

// DropImage clears the image of a deployment that is no longer restorable. ErrConflict when the
// deployment is not terminal: what runs, or is about to, is never collected (SPEC section 2).
func (db *DB) DropImage(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		d, err := db.deployment(ctx, tx, id)
		if err != nil {
			return err
		}
		if !d.Status.Terminal() {
			return fmt.Errorf("%w: deployment %s is %s, so that its image is needed", platform.ErrConflict, id, d.Status)
		}
		_, err = tx.ExecContext(ctx, "UPDATE deployments SET image = $1 WHERE id = $2", document{platform.Image{}}, id)
		if err != nil {
			return fmt.Errorf("drop image of deployment %s: %w", id, err)
		}
		return nil
	})
}
