package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"csph/platform"
)

// KeepSecret keeps a new version of a service's secret, encrypted, and returns its number. Nothing uses it
// until the service's config names it. What was kept before stays for those who name that.
func (db *DB) KeepSecret(ctx context.Context, service, name, value, by string) (version int64, err error) {
	if err := checkEnv(map[string]string{name: value}); err != nil {
		return 0, err
	}
	sealed, err := db.seal([]byte(value))
	if err != nil {
		return 0, fmt.Errorf("keep secret %s: %w", name, err)
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := db.service(ctx, tx, service); err != nil {
			return err
		}
		created := now()
		row := tx.QueryRowContext(ctx, `INSERT INTO secrets (service, name, version, sealed, set_by, created)
			SELECT $1, $2, COALESCE(MAX(version), 0) + 1, $3, $4, $5 FROM secrets WHERE service = $1 AND name = $2
			RETURNING version`, service, name, sealed, by, instant{&created})
		if err := row.Scan(&version); err != nil {
			return fmt.Errorf("insert secret %s: %w", name, err)
		}
		return nil
	})
	return version, err
}

// Secrets describes those versions of a service's secrets, by name.
func (db *DB) Secrets(ctx context.Context, service string, versions map[string]int64) ([]platform.Secret, error) {
	found := []platform.Secret{}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		s, err := one(ctx, db.reader, scanSecret, "secret", name,
			"SELECT name, version, set_by, created FROM secrets WHERE service = $1 AND name = $2 AND version = $3", service, name, versions[name])
		if err != nil {
			return nil, db.explain(err)
		}
		found = append(found, s)
	}
	return found, nil
}

func scanSecret(r row) (s platform.Secret, err error) {
	err = r.Scan(&s.Name, &s.Version, &s.By, instant{&s.Created})
	return s, err
}

// SecretValues decrypts those versions of a service's secrets. It is for starting the service and for nothing else.
func (db *DB) SecretValues(ctx context.Context, service string, versions map[string]int64) (map[string]string, error) {
	values := make(map[string]string, len(versions))
	for name, version := range versions {
		sealed, err := one(ctx, db.reader, scanBytes, "secret", name,
			"SELECT sealed FROM secrets WHERE service = $1 AND name = $2 AND version = $3", service, name, version)
		if err != nil {
			return nil, db.explain(err)
		}
		plain, err := db.unseal(sealed)
		if err != nil {
			return nil, fmt.Errorf("read secret %s: %w", name, err)
		}
		values[name] = string(plain)
	}
	return values, nil
}

func scanBytes(r row) (b []byte, err error) {
	err = r.Scan(&b)
	return b, err
}

// Masked lists every value that must not be seen in what a service, its builds and deployments write: all
// versions of its secrets, and the passwords of its registries.
func (db *DB) Masked(ctx context.Context, service string) ([]string, error) {
	sealed, err := list(ctx, db.reader, scanBytes,
		"SELECT sealed FROM secrets WHERE service = $1 UNION ALL SELECT sealed FROM registries WHERE service = $1", service)
	if err != nil {
		return nil, fmt.Errorf("read secrets of service %s: %w", service, db.explain(err))
	}
	values := make([]string, len(sealed))
	for i, s := range sealed {
		plain, err := db.unseal(s)
		if err != nil {
			return nil, fmt.Errorf("read secrets of service %s: %w", service, err)
		}
		values[i] = string(plain)
	}
	return values, nil
}

// SetRegistry keeps with which name and password a service pulls from a registry, in place of what was kept for that host.
func (db *DB) SetRegistry(ctx context.Context, service string, r platform.Registry, password string) (platform.Registry, error) {
	sealed, err := db.seal([]byte(password))
	if err != nil {
		return r, fmt.Errorf("keep password: %w", err)
	}
	r.Host, r.Created = strings.ToLower(r.Host), now()
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := db.service(ctx, tx, service); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO registries (service, host, username, sealed, set_by, created) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (service, host) DO UPDATE SET username = excluded.username, sealed = excluded.sealed, set_by = excluded.set_by, created = excluded.created`,
			service, r.Host, r.Username, sealed, r.By, instant{&r.Created})
		if err != nil {
			return fmt.Errorf("insert registry %s: %w", r.Host, err)
		}
		return nil
	})
	return r, err
}

// Registries lists the registries of a service, without passwords.
func (db *DB) Registries(ctx context.Context, service string) ([]platform.Registry, error) {
	all, err := list(ctx, db.reader, func(r row) (g platform.Registry, err error) {
		err = r.Scan(&g.Host, &g.Username, &g.By, instant{&g.Created})
		return g, err
	}, "SELECT host, username, set_by, created FROM registries WHERE service = $1 ORDER BY host", service)
	return all, db.explain(err)
}

// RemoveRegistry forgets a registry of a service.
func (db *DB) RemoveRegistry(ctx context.Context, service, host string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM registries WHERE service = $1 AND host = $2", service, strings.ToLower(host))
		if err != nil {
			return fmt.Errorf("delete registry %s: %w", host, err)
		}
		return affected(res, "registry", host)
	})
}

// RegistryLogin is with what a service pulls from a registry; empty when nothing is kept for that host.
func (db *DB) RegistryLogin(ctx context.Context, service, host string) (username, password string, err error) {
	type login struct {
		name   string
		sealed []byte
	}
	found, err := list(ctx, db.reader, func(r row) (l login, err error) {
		err = r.Scan(&l.name, &l.sealed)
		return l, err
	}, "SELECT username, sealed FROM registries WHERE service = $1 AND host = $2", service, strings.ToLower(host))
	if err != nil || len(found) == 0 {
		return "", "", db.explain(err)
	}
	plain, err := db.unseal(found[0].sealed)
	if err != nil {
		return "", "", fmt.Errorf("read the password for %s: %w", host, err)
	}
	return found[0].name, string(plain), nil
}
