package apitest

import (
	"context"
	"log/slog"
	"path/filepath"

	"csph/cmd/csphd/ledger"
	"csph/deploy"
	"csph/platform"
	"csph/volumes"
)

// volumes keeps volumes in the state folder, as csphd does. Nothing ever writes to them.
func (s *Server) volumes() ledger.Volumes {
	k := volumes.NewKeeper(filepath.Join(s.Dir, "volumes"), s.DB, idle{}, s.Deployer, slog.New(slog.DiscardHandler))
	if err := k.Sweep(context.Background()); err != nil {
		panic(err) // no test can go on
	}
	return ledger.Volumes{Keeper: k}
}

// idle is an engine without spherelets.
type idle struct{}

func (idle) Holders(context.Context, string) ([]string, error) { return nil, nil }
func (idle) Freeze(context.Context, string) error              { return nil }
func (idle) Thaw(context.Context, string) error                { return nil }

// Remount implements volumes.Rollouts.
func (d *Deployer) Remount(ctx context.Context, service string, t platform.Trigger) (platform.Deployment, bool, error) {
	svc, err := d.db.Service(ctx, service)
	if err != nil || svc.Live == "" {
		return platform.Deployment{}, false, err
	}
	dep, err := d.Start(ctx, deploy.Request{Service: service, From: svc.Live, Trigger: t})
	return dep, err == nil, err
}
