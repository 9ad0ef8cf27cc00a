package store

import (
	"context"
	"fmt"
	"strings"

	"csph/platform"
)

const snapshotColumns = `SELECT n.id, n.volume, v.name, n.note, n.consistent, n.bytes, n.created
	FROM snapshots n
	JOIN volumes v ON v.id = n.volume
	JOIN environments e ON e.id = v.environment
	JOIN projects p ON p.id = e.project `

func scanSnapshot(r row) (s platform.Snapshot, err error) {
	err = r.Scan(&s.ID, &s.Volume, &s.VolumeName, &s.Note, &s.Consistent, &s.Bytes, instant{&s.Created})
	return s, err
}

// CreateSnapshot stores s, whose id and volume the caller has chosen. It is not held against a quota: what it is a
// record of is on the disk already.
func (db *DB) CreateSnapshot(ctx context.Context, s platform.Snapshot) (made platform.Snapshot, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := db.volume(ctx, tx, s.Volume); err != nil {
			return err
		}
		created := now()
		_, err := tx.ExecContext(ctx, "INSERT INTO snapshots (id, volume, note, consistent, bytes, created) VALUES ($1, $2, $3, $4, $5, $6)",
			s.ID, s.Volume, s.Note, s.Consistent, s.Bytes, instant{&created})
		if err != nil {
			return fmt.Errorf("insert snapshot %s: %w", s.ID, err)
		}
		made, err = one(ctx, tx, scanSnapshot, "snapshot", s.ID, snapshotColumns+"WHERE n.id = $1", s.ID)
		return err
	})
	return made, err
}

// Snapshots lists the snapshots of a volume ("" for all volumes'), newest first.
func (db *DB) Snapshots(ctx context.Context, volume string) ([]platform.Snapshot, error) {
	var where conditions
	where.equal("n.volume", volume)
	all, err := list(ctx, db.reader, scanSnapshot, snapshotColumns+where.sql()+"ORDER BY n.id DESC", where.args...)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", db.explain(err))
	}
	return all, nil
}

// FindSnapshot returns the account's snapshot whose id starts with prefix.
func (db *DB) FindSnapshot(ctx context.Context, account, prefix string) (platform.Snapshot, error) {
	if !strings.HasPrefix(prefix, platform.SnapshotPrefix+"_") {
		return platform.Snapshot{}, fmt.Errorf("%w: %q is no id of a snapshot; csph volumes snapshots list VOLUME lists them", platform.ErrInvalid, prefix)
	}
	found, err := list(ctx, db.reader, scanSnapshot, snapshotColumns+"WHERE p.account = $1 AND n.id >= $2 AND n.id < $3 ORDER BY n.id LIMIT 2", account, prefix, prefix+"~")
	return only(found, "snapshot", prefix, db.explain(err))
}

// DeleteSnapshot forgets a snapshot.
func (db *DB) DeleteSnapshot(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM snapshots WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete snapshot %s: %w", id, err)
		}
		return affected(res, "snapshot", id)
	})
}

// DiskRoom refuses, with the figures, when an account has no room for so many more megabytes of volumes or snapshots.
func (db *DB) DiskRoom(ctx context.Context, project string, moreMB int64) error {
	return db.explain(db.diskFits(ctx, db.reader, project, moreMB))
}

// diskFits refuses what the disk quota of the account that a project belongs to has no room for.
func (db *DB) diskFits(ctx context.Context, q querier, project string, moreMB int64) error {
	p, err := one(ctx, q, scanProject, "project", project, projectColumns+"WHERE id = $1", project)
	if err != nil {
		return err
	}
	a, err := one(ctx, q, scanAccount, "account", p.Account, accountColumns+"WHERE id = $1", p.Account)
	if err != nil || a.Quota.DiskMB == 0 || moreMB <= 0 {
		return err
	}
	used, err := db.diskMB(ctx, q, a.ID)
	if err != nil {
		return err
	}
	if used+moreMB > a.Quota.DiskMB {
		return fmt.Errorf("%w: this takes %d MB of disk; the account may use %d MB, and its images, volumes and snapshots take %d; choose a smaller --size-mb, or delete volumes, snapshots or services that are not needed",
			platform.ErrCapacity, moreMB, a.Quota.DiskMB, used)
	}
	return nil
}

// volumesMB is what the volumes of an account count for: their size, or what is in them where that is more, and what
// their snapshots took.
func volumesMB(ctx context.Context, q querier, account string) (int64, error) {
	sums, err := list(ctx, q, func(r row) (bytes int64, err error) {
		err = r.Scan(&bytes)
		return bytes, err
	}, `SELECT CAST(COALESCE(SUM(CASE WHEN v.used > v.size * 1048576 THEN v.used ELSE v.size * 1048576 END), 0) AS BIGINT)
			FROM volumes v JOIN environments e ON e.id = v.environment JOIN projects p ON p.id = e.project WHERE p.account = $1
		UNION ALL SELECT CAST(COALESCE(SUM(n.bytes), 0) AS BIGINT)
			FROM snapshots n JOIN volumes v ON v.id = n.volume JOIN environments e ON e.id = v.environment JOIN projects p ON p.id = e.project WHERE p.account = $1`, account)
	if err != nil {
		return 0, fmt.Errorf("add up the volumes of account %s: %w", account, err)
	}
	var sum int64
	for _, bytes := range sums {
		sum += bytes
	}
	return sum >> 20, nil
}
