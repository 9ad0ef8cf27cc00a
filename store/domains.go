package store

import (
	"context"
	"fmt"
	"strings"

	"csph/platform"
)

// domainColumns reads domains as platform.Domain has them.
const domainColumns = `SELECT d.id, p.account, d.service, s.name, d.name, d.status, d.state, d.certificate, d.hsts, d.created
	FROM domains d
	JOIN services s ON s.id = d.service
	JOIN environments e ON e.id = s.environment
	JOIN projects p ON p.id = e.project `

func scanDomain(r row) (d platform.Domain, err error) {
	err = r.Scan(&d.ID, &d.Account, &d.Service, &d.ServiceName, &d.Name, &d.Status,
		document{&d.State}, document{&d.Certificate}, &d.HSTS, instant{&d.Created})
	return d, err
}

// CreateDomain stores d, with a new id and time, for the service that it names. The name must be normal
// (platform.Domain says how). ErrConflict when another service has it, or when it and a domain of
// another account lie within one another's wildcard; ErrNotFound when there is no such service.
func (db *DB) CreateDomain(ctx context.Context, d platform.Domain) (platform.Domain, error) {
	var made platform.Domain
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		svc, err := db.service(ctx, tx, d.Service)
		if err != nil {
			return err
		}
		if err := nameIsFree(ctx, tx, svc.Account, d.Name); err != nil {
			return err
		}
		if d.ID, err = db.ids.next(platform.DomainPrefix); err != nil {
			return err
		}
		d.Created = now()
		if err := insertDomain(ctx, tx, d); err != nil {
			return err
		}
		made, err = db.domain(ctx, tx, d.ID)
		return err
	})
	return made, err
}

func insertDomain(ctx context.Context, tx querier, d platform.Domain) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO domains (id, service, name, status, state, certificate, hsts, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		d.ID, d.Service, d.Name, d.Status, document{d.State}, document{d.Certificate}, d.HSTS, instant{&d.Created})
	if err != nil {
		return fmt.Errorf("insert domain %s: %w", d.Name, err)
	}
	return nil
}

// nameIsFree returns ErrConflict when name is taken, or would let two accounts have the same hosts.
func nameIsFree(ctx context.Context, tx querier, account, name string) error {
	below, wild := strings.CutPrefix(name, "*.")
	terms, args := "d.name = $1", []any{name}
	if wild {
		terms += " OR p.account <> $2 AND d.name LIKE $3 ESCAPE '\\'"
		args = append(args, account, "%."+strings.ReplaceAll(below, "_", "\\_"))
	} else {
		terms, args = wildcardsAbove(terms, args, account, name)
	}
	found, err := list(ctx, tx, scanDomain, domainColumns+"WHERE "+terms+" ORDER BY d.name LIMIT 1", args...)
	if err != nil {
		return fmt.Errorf("look for domain %s: %w", name, err)
	}
	if len(found) == 0 {
		return nil
	}
	if found[0].Account != account {
		return fmt.Errorf("%w: %s belongs to another account", platform.ErrConflict, name)
	}
	return fmt.Errorf("%w: %s already belongs to service %s; csph domains remove %s takes it away from there", platform.ErrConflict, name, found[0].ServiceName, name)
}

// wildcardsAbove adds the wildcards of other accounts that name would lie in.
func wildcardsAbove(terms string, args []any, account, name string) (string, []any) {
	args = append(args, account)
	for rest := name; ; {
		_, above, ok := strings.Cut(rest, ".")
		if !ok {
			return terms, args
		}
		args = append(args, "*."+above)
		terms += fmt.Sprintf(" OR p.account <> $2 AND d.name = $%d", len(args))
		rest = above
	}
}

// Domain returns the domain with this id.
func (db *DB) Domain(ctx context.Context, id string) (platform.Domain, error) {
	d, err := db.domain(ctx, db.reader, id)
	return d, db.explain(err)
}

func (db *DB) domain(ctx context.Context, q querier, id string) (platform.Domain, error) {
	return one(ctx, q, scanDomain, "domain", id, domainColumns+"WHERE d.id = $1", id)
}

// FindDomain returns the account's domain that ref means: an id, or a name.
func (db *DB) FindDomain(ctx context.Context, account, ref string) (platform.Domain, error) {
	host, prefix := platform.SplitDomain(ref)
	d, err := one(ctx, db.reader, scanDomain, "domain", ref, domainColumns+"WHERE p.account = $1 AND (d.id = $2 OR d.name = $3)",
		account, ref, strings.ToLower(strings.TrimSuffix(host, "."))+prefix)
	return d, db.explain(err)
}

// Domains lists an account's domains ("" for all accounts') by name.
func (db *DB) Domains(ctx context.Context, account string) ([]platform.Domain, error) {
	var where conditions
	where.equal("p.account", account)
	all, err := list(ctx, db.reader, scanDomain, domainColumns+where.sql()+"ORDER BY d.name", where.args...)
	if err != nil {
		return nil, fmt.Errorf("list domains: %w", db.explain(err))
	}
	return all, nil
}

// UpdateDomain changes a domain's state, certificate or HSTS under the records' lock; nothing else of it
// is written. change may return an error to leave it as it is, and must not call the store.
func (db *DB) UpdateDomain(ctx context.Context, id string, change func(*platform.Domain) error) (platform.Domain, error) {
	return db.changeDomain(ctx, id, func(_ context.Context, _ querier, d *platform.Domain) error { return change(d) })
}

func (db *DB) changeDomain(ctx context.Context, id string, change func(context.Context, querier, *platform.Domain) error) (platform.Domain, error) {
	var after platform.Domain
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		d, err := db.domain(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := change(ctx, tx, &d); err != nil {
			return err
		}
		if err := writeDomain(ctx, tx, d); err != nil {
			return err
		}
		after, err = db.domain(ctx, tx, id)
		return err
	})
	return after, err
}

func writeDomain(ctx context.Context, tx querier, d platform.Domain) error {
	_, err := tx.ExecContext(ctx, "UPDATE domains SET state = $1, certificate = $2, hsts = $3 WHERE id = $4",
		document{d.State}, document{d.Certificate}, d.HSTS, d.ID)
	if err != nil {
		return fmt.Errorf("update domain %s: %w", d.Name, err)
	}
	return nil
}

// AdvanceDomain moves a domain by compare-and-set from status from, applying set (may be nil) to the
// stored record first; it may change what UpdateDomain may. ErrConflict when the domain is no longer in
// from or the move leads nowhere from there.
func (db *DB) AdvanceDomain(ctx context.Context, id string, from platform.DomainStatus, move platform.DomainMove, set func(*platform.Domain)) (platform.Domain, error) {
	return db.changeDomain(ctx, id, func(ctx context.Context, tx querier, d *platform.Domain) error {
		if d.Status != from {
			return fmt.Errorf("%w: domain %s is %s and no longer %s", platform.ErrConflict, d.Name, d.Status, from)
		}
		to, err := platform.NextDomain(from, move)
		if err != nil {
			return err
		}
		if set != nil {
			set(d)
		}
		if _, err = tx.ExecContext(ctx, "UPDATE domains SET status = $1 WHERE id = $2", to, id); err != nil {
			return fmt.Errorf("update status of domain %s: %w", d.Name, err)
		}
		return nil
	})
}

// DeleteDomain deletes a domain.
func (db *DB) DeleteDomain(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM domains WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete domain %s: %w", id, err)
		}
		return affected(res, "domain", id)
	})
}
