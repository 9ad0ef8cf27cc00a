package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"csph/api/wire"
	"csph/builder"
	"csph/platform"
)

// eventTimeout bounds how long one event may take to be durable.
const eventTimeout = 10 * time.Second

// references reads what images and caches are still needed for.
func (s *server) references(ctx context.Context) (builder.References, error) {
	held, err := s.db.Holdings(ctx)
	if err != nil {
		return builder.References{}, err
	}
	refs := builder.References{Services: map[string]bool{}, Deployments: held.Deployments, Images: held.Images}
	for id := range held.Services {
		refs.Services[id] = true
	}
	return refs, nil
}

// collected puts what a collection removed on the bus.
func (s *server) collected(service, what string) {
	ctx, cancel := context.WithTimeout(context.Background(), eventTimeout)
	defer cancel()
	if _, err := s.db.Publish(ctx, platform.Event{Service: service, Kind: platform.EventCollected, Message: what}); err != nil {
		s.logger.Warn("event is lost", "kind", platform.EventCollected, "err", err)
	}
}

// Disk measures what uses the disk. It visits every file of repositories, sources and logs.
func (s *server) Disk(ctx context.Context) (wire.Disk, error) {
	built, err := s.builder.Usage(ctx)
	if err != nil {
		return wire.Disk{}, err
	}
	held, err := s.db.Holdings(ctx)
	if err != nil {
		return wire.Disk{}, err
	}
	owners, err := s.db.Owners(ctx)
	if err != nil {
		return wire.Disk{}, err
	}
	d := &disk{ctx: ctx, state: s.config.State, names: held.Services, owners: owners, services: map[string]*wire.DiskService{}}
	for id, images := range built.Images {
		of := d.service(id)
		of.Images, of.ImageBytes = images.Count, images.Bytes
	}
	for id, bytes := range built.Caches {
		d.service(id).CacheBytes = bytes
	}
	d.files()
	out := wire.Disk{
		Free: built.Free, Services: d.sorted(), Database: d.tree("csph.db*"),
		BaseImages: built.Bases.Bytes, BuildCache: built.Records, BaseArchives: size(ctx, s.config.BaseDir),
		Volumes: d.tree("volumes/vol_*"), Snapshots: d.tree("volumes/snap_*"),
		MinFree: s.config.Build.MinFreeMB << 20, CacheBudget: s.config.Build.CacheMB << 20,
	}
	return out, errors.Join(ctx.Err(), d.err)
}

// ClearCache drops what builds of a service have cached.
func (s *server) ClearCache(ctx context.Context, service string) (int64, error) {
	return s.builder.ClearCache(ctx, service)
}

// disk adds up what services use.
type disk struct {
	ctx      context.Context
	state    string
	names    map[string]string // of services, by id
	owners   map[string]string // services of deployments
	services map[string]*wire.DiskService
	err      error
}

func (d *disk) service(id string) *wire.DiskService {
	if d.services[id] == nil {
		d.services[id] = &wire.DiskService{ID: id, Name: d.names[id]}
	}
	return d.services[id]
}

// files measures the folders of the state folder that belong to services.
func (d *disk) files() {
	for _, path := range d.glob("repos/[^.]*.git") { // gitd keeps folders of its own there, whose names begin with a dot
		d.service(strings.TrimSuffix(filepath.Base(path), ".git")).Repository += size(d.ctx, path)
	}
	for _, path := range d.glob("sources/*") {
		d.service(filepath.Base(path)).Sources += size(d.ctx, path)
	}
	for _, path := range append(d.glob("logs/builds/*"), d.glob("logs/spherelets/*")...) {
		deployment, _, _ := strings.Cut(filepath.Base(path), ".")
		d.service(d.owners[deployment]).Logs += size(d.ctx, path)
	}
}

func (d *disk) glob(pattern string) []string {
	found, err := filepath.Glob(filepath.Join(d.state, pattern))
	d.err = errors.Join(d.err, err)
	return found
}

func (d *disk) tree(pattern string) int64 {
	var sum int64
	for _, path := range d.glob(pattern) {
		sum += size(d.ctx, path)
	}
	return sum
}

// sorted lists the services, the largest first.
func (d *disk) sorted() []wire.DiskService {
	all := []wire.DiskService{}
	for _, s := range d.services {
		s.Total = s.ImageBytes + s.CacheBytes + s.Repository + s.Sources + s.Logs
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b wire.DiskService) int {
		if a.Total != b.Total {
			return int(min(max(b.Total-a.Total, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// size is what a file or folder takes on disk, in bytes; 0 for what is not there. What vanishes meanwhile does
// not count.
func size(ctx context.Context, path string) int64 {
	var sum int64
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			const block = 512 // stat(2)
			sum += st.Blocks * block
		}
		return nil
	})
	return sum
}
