package store

import (
	"context"
	"fmt"
	"strings"

	"csph/platform"
)

// volumeColumns reads volumes as platform.Volume has them, without what they are attached to.
const volumeColumns = `SELECT v.id, p.account, p.id, e.id, e.name, v.name, v.shared, v.size, v.used, v.created
	FROM volumes v
	JOIN environments e ON e.id = v.environment
	JOIN projects p ON p.id = e.project `

func scanVolume(r row) (v platform.Volume, err error) {
	v.Attached = []platform.Attachment{}
	err = r.Scan(&v.ID, &v.Account, &v.Project, &v.Environment, &v.EnvName, &v.Name, &v.Shared, &v.SizeMB, &v.UsedBytes, instant{&v.Created})
	return v, err
}

// CreateVolume stores v, whose id and environment the caller has chosen, within the disk quota of its account
// (ErrCapacity, with the figures). ErrConflict when the environment has another volume of that name.
func (db *DB) CreateVolume(ctx context.Context, v platform.Volume) (made platform.Volume, err error) {
	if err := checkName("volume", v.Name); err != nil {
		return made, err
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		env, err := db.environment(ctx, tx, v.Environment)
		if err != nil {
			return err
		}
		if err := db.diskFits(ctx, tx, env.Project, max(v.SizeMB, v.UsedBytes>>20)); err != nil {
			return err
		}
		created := now()
		_, err = tx.ExecContext(ctx, "INSERT INTO volumes (id, environment, name, shared, size, used, created) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			v.ID, v.Environment, v.Name, v.Shared, v.SizeMB, v.UsedBytes, instant{&created})
		if taken(err) {
			return fmt.Errorf("%w: the environment %s has a volume %s already; choose another name", platform.ErrConflict, env.Name, v.Name)
		}
		if err != nil {
			return fmt.Errorf("insert volume %s: %w", v.Name, err)
		}
		made, err = db.volume(ctx, tx, v.ID)
		return err
	})
	return made, err
}

// Volume returns the volume with this id.
func (db *DB) Volume(ctx context.Context, id string) (platform.Volume, error) {
	v, err := db.volume(ctx, db.reader, id)
	return v, db.explain(err)
}

func (db *DB) volume(ctx context.Context, q querier, id string) (platform.Volume, error) {
	v, err := one(ctx, q, scanVolume, "volume", id, volumeColumns+"WHERE v.id = $1", id)
	if err != nil {
		return v, err
	}
	all := []platform.Volume{v}
	err = attach(ctx, q, all)
	return all[0], err
}

// ResolveVolume returns the account's volume that ref means: an id, the start of only one id, or what ParseRef reads.
func (db *DB) ResolveVolume(ctx context.Context, account, ref string) (platform.Volume, error) {
	if strings.HasPrefix(ref, platform.VolumePrefix+"_") {
		found, err := list(ctx, db.reader, scanVolume, volumeColumns+"WHERE p.account = $1 AND v.id >= $2 AND v.id < $3 ORDER BY v.id LIMIT 2", account, ref, ref+"~")
		v, err := only(found, "volume", ref, db.explain(err))
		if err != nil {
			return v, err
		}
		return db.Volume(ctx, v.ID)
	}
	want, err := ParseRef(ref)
	if err != nil {
		return platform.Volume{}, err
	}
	v, err := one(ctx, db.reader, scanVolume, "volume", want.String(),
		volumeColumns+"WHERE p.account = $1 AND p.name = $2 AND e.name = $3 AND v.name = $4", account, want.Project, want.Environment, want.Name)
	if err != nil {
		return v, db.explain(err)
	}
	return db.Volume(ctx, v.ID)
}

// Volumes lists an account's volumes ("" for all accounts') by project, environment and name.
func (db *DB) Volumes(ctx context.Context, account string) ([]platform.Volume, error) {
	var where conditions
	where.equal("p.account", account)
	all, err := list(ctx, db.reader, scanVolume, volumeColumns+where.sql()+"ORDER BY p.name, e.name, v.name", where.args...)
	if err == nil {
		err = attach(ctx, db.reader, all)
	}
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", db.explain(err))
	}
	return all, nil
}

// ResizeVolume changes how much of the disk quota a volume counts for, under the records' lock and within the quota;
// check may return an error to leave it as it is.
func (db *DB) ResizeVolume(ctx context.Context, id string, sizeMB int64, check func(platform.Volume) error) (after platform.Volume, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		v, err := db.volume(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := check(v); err != nil {
			return err
		}
		if err := db.diskFits(ctx, tx, v.Project, sizeMB-v.SizeMB); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE volumes SET size = $1 WHERE id = $2", sizeMB, id); err != nil {
			return fmt.Errorf("resize volume %s: %w", v.Name, err)
		}
		after, err = db.volume(ctx, tx, id)
		return err
	})
	return after, err
}

// MeasuredVolume notes how many bytes a volume has in it. One that is gone by now is no error.
func (db *DB) MeasuredVolume(ctx context.Context, id string, bytes int64) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := tx.ExecContext(ctx, "UPDATE volumes SET used = $1 WHERE id = $2", bytes, id); err != nil {
			return fmt.Errorf("note the size of volume %s: %w", id, err)
		}
		return nil
	})
}

// DeleteVolume forgets a volume and its snapshots. ErrConflict while a service has it, or a deployment under way or
// live that was made when its service had it.
func (db *DB) DeleteVolume(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		v, err := db.volume(ctx, tx, id)
		if err != nil {
			return err
		}
		if len(v.Attached) > 0 {
			return fmt.Errorf("%w: volume %s is attached to %s; detach it first: csph volumes detach %s --service %s", platform.ErrConflict, v.Name, v.Attached[0].ServiceName, v.Name, v.Attached[0].ServiceName)
		}
		if err := unmounted(ctx, tx, v); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM volumes WHERE id = $1", id); err != nil {
			return fmt.Errorf("delete volume %s: %w", v.Name, err)
		}
		return nil
	})
}

// unmounted refuses while spherelets may run that have a volume.
func unmounted(ctx context.Context, tx querier, v platform.Volume) error {
	current, err := list(ctx, tx, scanDeployment, deploymentColumns+"WHERE d.account = $1 AND d."+unsettled, v.Account)
	if err != nil {
		return fmt.Errorf("read deployments of account %s: %w", v.Account, err)
	}
	for _, d := range current {
		for _, m := range d.Config.Volumes {
			if m.Volume == v.ID {
				return fmt.Errorf("%w: deployment %s of %s still has volume %s, and is %s; wait until it has been replaced, or deploy again: csph services restart %s",
					platform.ErrConflict, d.ID, d.Name, v.Name, d.Status, d.Name)
			}
		}
	}
	return nil
}
