package store

import (
	"context"
	"fmt"

	"csph/platform"
)

// Usage is what an account uses now, in the units of platform.Quota, and how many services it has.
type Usage struct {
	platform.Quota
	Services int
	Live     int // services with a live deployment
}

// Usage adds up what an account uses; what service but uses or builds is left out.
func (db *DB) Usage(ctx context.Context, account, but string) (Usage, error) {
	var u Usage
	unsettled, err := list(ctx, db.reader, scanDeployment, deploymentColumns+
		"WHERE d.account = $1 AND d."+unsettled+" AND d.service <> $2 AND (d.status <> 'live' OR s.suspended = $3)", account, but, false)
	if err != nil {
		return u, fmt.Errorf("read deployments of account %s: %w", account, db.explain(err))
	}
	services, err := db.Services(ctx, account)
	if err != nil {
		return u, err
	}
	of := map[string]platform.Service{}
	for _, s := range services {
		of[s.ID] = s
	}
	for _, d := range unsettled {
		u.add(d, of[d.Service].Size(d))
	}
	u.Services = len(services)
	return u, nil
}

// add counts a deployment that is not settled; size is how many spherelets it has when it is live.
func (u *Usage) add(d platform.Deployment, size int) {
	switch d.Status {
	case platform.Live:
		shape, err := platform.ShapeNamed(d.Config.Shape)
		if err != nil {
			return
		}
		u.Live++
		u.Spherelets += size
		u.MilliCPU += int64(size) * shape.MilliCPU
		u.MemoryMB += int64(size) * shape.Memory >> 20
	case platform.Queued, platform.Building:
		if d.Source.Kind != platform.FromDeployment {
			u.Builds++
		}
	}
}

// DiskMB is how much the images of an account's deployments take, each counted once.
func (db *DB) DiskMB(ctx context.Context, account string) (int64, error) {
	images, err := list(ctx, db.reader, func(r row) (i platform.Image, err error) {
		err = r.Scan(document{&i})
		return i, err
	}, "SELECT DISTINCT image FROM deployments WHERE account = $1", account)
	if err != nil {
		return 0, fmt.Errorf("read images of account %s: %w", account, db.explain(err))
	}
	var bytes int64
	seen := map[string]bool{}
	for _, i := range images {
		if i.Digest != "" && !seen[i.Digest] {
			seen[i.Digest] = true
			bytes += i.Size
		}
	}
	return bytes >> 20, nil
}

// QuotaOf is what an account may use, and what it uses without service but.
func (db *DB) QuotaOf(ctx context.Context, account, but string) (limit, used platform.Quota, err error) {
	a, err := db.Account(ctx, account)
	if err != nil || a.Quota == (platform.Quota{}) {
		return a.Quota, used, err
	}
	u, err := db.Usage(ctx, account, but)
	if err == nil && a.Quota.DiskMB > 0 {
		u.DiskMB, err = db.DiskMB(ctx, account)
	}
	return a.Quota, u.Quota, err
}
