package store

import (
	"context"
	"fmt"

	"csph/platform"
)

// Attach gives a service of the volume's environment the volume, at a path that has been checked. ErrConflict when the
// service has it already, or another one at that path, and when another service has a volume that is not shared.
func (db *DB) Attach(ctx context.Context, volume, service, path string) (after platform.Volume, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		v, err := db.volume(ctx, tx, volume)
		if err != nil {
			return err
		}
		svc, err := db.service(ctx, tx, service)
		if err != nil {
			return err
		}
		if err := attachable(v, svc); err != nil {
			return err
		}
		created := now()
		_, err = tx.ExecContext(ctx, "INSERT INTO attachments (volume, service, path, created) VALUES ($1, $2, $3, $4)", v.ID, svc.ID, path, instant{&created})
		if taken(err) {
			return fmt.Errorf("%w: service %s has another volume at %s; choose another path", platform.ErrConflict, svc.Name, path)
		}
		if err != nil {
			return fmt.Errorf("attach volume %s: %w", v.Name, err)
		}
		after, err = db.volume(ctx, tx, volume)
		return err
	})
	return after, err
}

func attachable(v platform.Volume, svc platform.Service) error {
	if svc.Environment != v.Environment {
		return fmt.Errorf("%w: volume %s is in environment %s and service %s is not; volumes stay within their environment (csph volumes restore SNAPSHOT --as %s/NAME copies one)",
			platform.ErrInvalid, v.Name, v.EnvName, svc.Name, svc.EnvName)
	}
	for _, a := range v.Attached {
		if a.Service == svc.ID {
			return fmt.Errorf("%w: volume %s is attached to %s already, at %s; detach it first to move it", platform.ErrConflict, v.Name, svc.Name, a.Path)
		}
		if !v.Shared {
			return fmt.Errorf("%w: volume %s is attached to %s, and only one service can have it; detach it there, or create shared storage: csph volumes create NAME --shared", platform.ErrConflict, v.Name, a.ServiceName)
		}
	}
	return nil
}

// Detach takes a volume from a service. ErrNotFound when the service does not have it.
func (db *DB) Detach(ctx context.Context, volume, service string) (after platform.Volume, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM attachments WHERE volume = $1 AND service = $2", volume, service)
		if err != nil {
			return fmt.Errorf("detach volume %s: %w", volume, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if after, err = db.volume(ctx, tx, volume); err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: volume %s is not attached to that service; csph volumes list shows where it is", platform.ErrNotFound, after.Name)
		}
		return nil
	})
	return after, err
}

// Mounts are the volumes of a service, by path: a folder comes before those in it.
func (db *DB) Mounts(ctx context.Context, service string) ([]platform.Mount, error) {
	all, err := list(ctx, db.reader, func(r row) (m platform.Mount, err error) {
		err = r.Scan(&m.Volume, &m.Path)
		return m, err
	}, "SELECT volume, path FROM attachments WHERE service = $1 ORDER BY path", service)
	if err != nil {
		return nil, fmt.Errorf("list the volumes of service %s: %w", service, db.explain(err))
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// attach fills in what volumes are attached to.
func attach(ctx context.Context, q querier, volumes []platform.Volume) error {
	type attachment struct {
		volume string
		platform.Attachment
	}
	var where conditions
	if len(volumes) == 1 {
		where.equal("a.volume", volumes[0].ID)
	}
	all, err := list(ctx, q, func(r row) (a attachment, err error) {
		err = r.Scan(&a.volume, &a.Service, &a.ServiceName, &a.Path)
		return a, err
	}, "SELECT a.volume, a.service, s.name, a.path FROM attachments a JOIN services s ON s.id = a.service "+where.sql()+"ORDER BY s.name", where.args...)
	if err != nil {
		return fmt.Errorf("read attachments: %w", err)
	}
	at := make(map[string]int, len(volumes))
	for i, v := range volumes {
		at[v.ID] = i
	}
	for _, a := range all {
		if i, ok := at[a.volume]; ok {
			volumes[i].Attached = append(volumes[i].Attached, a.Attachment)
		}
	}
	return nil
}
