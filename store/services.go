package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"csph/platform"
)

// serviceColumns reads services as platform.Service has them; Live follows from the deployments.
const serviceColumns = `SELECT s.id, p.account, p.id, e.id, e.name, s.name, s.host, s.type, s.config, COALESCE(l.id, ''), s.suspended, s.scale, s.created
	FROM services s
	JOIN environments e ON e.id = s.environment
	JOIN projects p ON p.id = e.project
	LEFT JOIN deployments l ON l.service = s.id AND l.status = 'live' `

func scanService(r row) (s platform.Service, err error) {
	err = r.Scan(&s.ID, &s.Account, &s.Project, &s.Environment, &s.EnvName, &s.Name, &s.Host, &s.Type,
		document{&s.Config}, &s.Live, &s.Suspended, &s.Scale, instant{&s.Created})
	return s, err
}

// Service returns the service with this id.
func (db *DB) Service(ctx context.Context, id string) (platform.Service, error) {
	s, err := db.service(ctx, db.reader, id)
	return s, db.explain(err)
}

func (db *DB) service(ctx context.Context, q querier, id string) (platform.Service, error) {
	return one(ctx, q, scanService, "service", id, serviceColumns+"WHERE s.id = $1", id)
}

// Services lists an account's services ("" for all accounts') by project, environment and name.
func (db *DB) Services(ctx context.Context, account string) ([]platform.Service, error) {
	var where conditions
	where.equal("p.account", account)
	all, err := list(ctx, db.reader, scanService, serviceColumns+where.sql()+"ORDER BY p.name, e.name, s.name", where.args...)
	return all, db.explain(err)
}

// AutoscaledServices lists the services of all accounts whose count CPU use decides, by id. Others are not read.
func (db *DB) AutoscaledServices(ctx context.Context) ([]platform.Service, error) {
	all, err := list(ctx, db.reader, scanService, serviceColumns+"WHERE s.autoscaled = $1 ORDER BY s.id", true)
	return all, db.explain(err)
}

// ServicePage selects services, by project, environment and name. Zero fields do not restrict.
type ServicePage struct {
	Account     string
	Projects    []string  // ids; nil: all
	Environment string    // id
	After       [3]string // project, environment and name of the last service of the page before this one
	Limit       int
}

// ServicePage lists one page of services.
func (db *DB) ServicePage(ctx context.Context, p ServicePage) ([]platform.Service, error) {
	var where conditions
	where.equal("p.account", p.Account)
	where.equal("e.id", p.Environment)
	where.among("p.id", p.Projects)
	if p.After != [3]string{} {
		where.behind([]string{"p.name", "e.name", "s.name"}, p.After[:])
	}
	query := serviceColumns + where.sql() + "ORDER BY p.name, e.name, s.name"
	if p.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", p.Limit)
	}
	all, err := list(ctx, db.reader, scanService, query, where.args...)
	return all, db.explain(err)
}

// ResolveService returns the account's service that ref means: an id, the start of only one id, or what
// ParseRef reads. ErrNotFound names services of that name elsewhere in the account.
func (db *DB) ResolveService(ctx context.Context, account, ref string) (platform.Service, error) {
	if strings.HasPrefix(ref, platform.ServicePrefix+"_") {
		found, err := list(ctx, db.reader, scanService, serviceColumns+"WHERE p.account = $1 AND s.id >= $2 AND s.id < $3 ORDER BY s.id LIMIT 2", account, ref, ref+"~")
		return only(found, "service", ref, db.explain(err))
	}
	want, err := ParseRef(ref)
	if err != nil {
		return platform.Service{}, err
	}
	found, err := list(ctx, db.reader, scanService,
		serviceColumns+"WHERE p.account = $1 AND p.name = $2 AND e.name = $3 AND s.name = $4", account, want.Project, want.Environment, want.Name)
	if err != nil {
		return platform.Service{}, fmt.Errorf("read service %s: %w", ref, db.explain(err))
	}
	if len(found) == 0 {
		return platform.Service{}, db.noService(ctx, account, want)
	}
	return found[0], nil
}

// noService is the error for a name that no service has in the place it means.
func (db *DB) noService(ctx context.Context, account string, want Ref) error {
	elsewhere, err := list(ctx, db.reader, scanRef, `SELECT p.name, e.name, s.name
		FROM services s JOIN environments e ON e.id = s.environment JOIN projects p ON p.id = e.project
		WHERE p.account = $1 AND s.name = $2 ORDER BY p.name, e.name LIMIT 3`, account, want.Name)
	if err != nil {
		return fmt.Errorf("look for services named %s: %w", want.Name, db.explain(err))
	}
	text := fmt.Sprintf("there is no service %s in environment %s of project %s", want.Name, want.Environment, want.Project)
	if len(elsewhere) > 0 {
		text += fmt.Sprintf("; did you mean %s?", strings.Join(elsewhere, " or "))
	}
	return fmt.Errorf("%w: %s", platform.ErrNotFound, text)
}

func scanRef(r row) (string, error) {
	var ref Ref
	err := r.Scan(&ref.Project, &ref.Environment, &ref.Name)
	return ref.String(), err
}

// CreateService makes the service that ref names (see ParseRef) in an account; its project and
// environment must exist. Of draft only Type and Config count; their zero values are web, shape FLX and
// count 1. ErrConflict when the name, or the host name that follows from it, is taken.
func (db *DB) CreateService(ctx context.Context, account, ref string, draft platform.Service) (platform.Service, error) {
	want, err := ParseRef(ref)
	if err != nil {
		return platform.Service{}, err
	}
	if draft.Type == "" {
		draft.Type = platform.Web
	}
	draft.Config = withDefaults(draft.Config)
	if err := checkService(draft); err != nil {
		return platform.Service{}, err
	}
	var made platform.Service
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		id, err := db.insertService(ctx, tx, account, want, draft)
		if err != nil {
			return err
		}
		made, err = db.service(ctx, tx, id)
		return err
	})
	return made, err
}

// ReservedName is a name that no service may have: csph itself is reached by it.
const ReservedName = "csph-hooks"

func (db *DB) insertService(ctx context.Context, tx querier, account string, want Ref, draft platform.Service) (string, error) {
	env, err := one(ctx, tx, scanText, "environment", want.Project+"/"+want.Environment,
		`SELECT e.id FROM environments e JOIN projects p ON p.id = e.project
			WHERE p.account = $1 AND p.name = $2 AND e.name = $3`, account, want.Project, want.Environment)
	if err != nil {
		return "", err
	}
	id, err := db.ids.next(platform.ServicePrefix)
	if err != nil {
		return "", err
	}
	host, err := freeHost(ctx, tx, account, want, id)
	if err != nil {
		return "", err
	}
	created := now()
	_, err = tx.ExecContext(ctx, `INSERT INTO services (id, environment, name, host, type, config, suspended, autoscaled, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		id, env, want.Name, host, draft.Type, document{draft.Config}, false, draft.Config.Autoscale != nil, instant{&created})
	if taken(err) {
		return "", fmt.Errorf("%w: there is a service %s already; choose another name", platform.ErrConflict, want)
	}
	if err != nil {
		return "", fmt.Errorf("insert service %s: %w", want, err)
	}
	return id, nil
}

// freeHost is the first label of a new service's host name: what follows from its name (SPEC section 5), or, where a service of another
// project or account has that, the same with the name of its own project or account behind it, or with the end of its id.
func freeHost(ctx context.Context, tx querier, account string, want Ref, id string) (string, error) {
	host := want.host()
	if host == ReservedName {
		return "", fmt.Errorf("%w: the name %s is csph's own; choose another one", platform.ErrInvalid, ReservedName)
	}
	if err := checkName("host", host); err != nil {
		return "", err
	}
	owner, err := one(ctx, tx, scanText, "account", account, "SELECT name FROM accounts WHERE id = $1", account)
	if err != nil {
		return "", err
	}
	const enough = 6 // of the random end of an id
	candidates := []string{host, host + "-" + want.Project, host + "-" + strings.ToLower(owner), host + "-" + id[len(id)-enough:]}
	if want.Project == DefaultProject {
		candidates = slices.Delete(candidates, 1, 2) // every account has one
	}
	for _, candidate := range candidates {
		if checkName("host", candidate) != nil || candidate == ReservedName {
			continue
		}
		found, err := list(ctx, tx, scanText, "SELECT id FROM services WHERE host = $1", candidate)
		if err != nil {
			return "", fmt.Errorf("look for the host name %s: %w", candidate, err)
		}
		if len(found) == 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%w: the host name %s is taken, and so is what could stand for it; choose another name", platform.ErrConflict, host)
}

func checkService(s platform.Service) error {
	if types := []platform.ServiceType{platform.Web, platform.Static, platform.Worker, platform.Cron}; !slices.Contains(types, s.Type) {
		return fmt.Errorf("%w: %q is not a type of service; choose one of %v", platform.ErrInvalid, s.Type, types)
	}
	if s.Type == platform.Cron && s.Config.Autoscale != nil {
		return fmt.Errorf("%w: a cron service has no spherelets but those of its schedules' runs: there is nothing to autoscale", platform.ErrInvalid)
	}
	return checkConfig(s.Config)
}

// UpdateService changes the Type, Config, Suspended and Scale of a service under the records' lock; nothing else
// of it can change (ErrInvalid). change may return an error to leave it as it is; it must not call the
// store, and gets a copy that is its own.
func (db *DB) UpdateService(ctx context.Context, id string, change func(*platform.Service) error) (platform.Service, error) {
	var after platform.Service
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		before, err := db.service(ctx, tx, id)
		if err != nil {
			return err
		}
		s, err := db.service(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := change(&s); err != nil {
			return err
		}
		if err := checkChange(before, s); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE services SET type = $1, config = $2, suspended = $3, scale = $4, autoscaled = $5 WHERE id = $6",
			s.Type, document{s.Config}, s.Suspended, s.Scale, s.Config.Autoscale != nil, id)
		if err != nil {
			return fmt.Errorf("update service %s: %w", id, err)
		}
		after, err = db.service(ctx, tx, id)
		return err
	})
	return after, err
}

// checkChange refuses a change of what identifies a service or follows from its deployments.
func checkChange(before, after platform.Service) error {
	kept := after
	kept.Type, kept.Config, kept.Suspended, kept.Scale = before.Type, before.Config, before.Suspended, before.Scale
	if !reflect.DeepEqual(before, kept) {
		return fmt.Errorf("%w: only the type, the configuration and the suspension of service %s can change", platform.ErrInvalid, before.ID)
	}
	return checkService(after)
}

// DeleteService forgets a service and its deployments. ErrConflict while a rollout is under way; a live
// deployment may be left, and it is the caller's part to have stopped it.
func (db *DB) DeleteService(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		busy, err := list(ctx, tx, scanText, "SELECT id FROM deployments WHERE service = $1 AND "+underWay+" ORDER BY id LIMIT 1", id)
		if err != nil {
			return fmt.Errorf("read deployments of service %s: %w", id, err)
		}
		if len(busy) > 0 {
			return fmt.Errorf("%w: deployment %s of the service is under way; cancel it or wait until it has settled", platform.ErrConflict, busy[0])
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM services WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete service %s: %w", id, err)
		}
		return affected(res, "service", id)
	})
}
