package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"csph/durable"
)

// registryDir holds one file for each instance of the machine, running or not: subnets of one that is
// stopped show on no interface. It is the only place that instances share.
const registryDir = "/var/lib/csph-instances"

// registry is the machine's list of instances, locked.
type registry struct {
	dir  string
	lock *os.File
}

func lockRegistry(dir string) (*registry, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the machine's list of instances: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the machine's list of instances: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the machine's list of instances: %w", err)
	}
	return &registry{dir: dir, lock: f}, nil
}

func (r *registry) unlock() { r.lock.Close() }

func (r *registry) path(id string) string { return filepath.Join(r.dir, id+".json") }

// records lists the instances whose state folder still exists, and forgets the others.
func (r *registry) records() ([]record, error) {
	files, err := filepath.Glob(filepath.Join(r.dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list the machine's instances: %w", err)
	}
	var known []record
	for _, f := range files {
		var rec record
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("list the machine's instances: %w", err)
		}
		if json.Unmarshal(b, &rec) != nil || !owns(rec) {
			os.Remove(f)
			continue
		}
		known = append(known, rec)
	}
	return known, nil
}

// owns reports whether the folder that rec names still belongs to rec's instance.
func owns(rec record) bool {
	now, err := loadRecord(rec.Dir)
	return err == nil && now.ID == rec.ID
}

// claim enters rec, refusing it when another folder with the same identity is entered already.
func (r *registry) claim(rec record) error {
	known, err := r.records()
	if err != nil {
		return err
	}
	for _, k := range known {
		if k.ID == rec.ID && !sameFolder(k.Dir, rec.Dir) {
			return fmt.Errorf("it is a copy of %s, which exists; delete one of them, or delete %s here to make it an instance of its own", k.Dir, recordFile)
		}
		if k == rec {
			return nil
		}
	}
	return writeJSON(r.path(rec.ID), rec)
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func (r *registry) drop(id string) error {
	if err := os.Remove(r.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("leave the machine's list of instances: %w", err)
	}
	return nil
}

// writeJSON replaces path in one step: a reader or a crash sees the old content or the new.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return durable.Replace(path, append(b, '\n'), 0o600)
}
