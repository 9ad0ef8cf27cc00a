package main

import (
	"context"
	"path/filepath"

	"csph/cmd/csphd/ledger"
	"csph/volumes"
)

// makeVolumes makes what looks after the volumes.
func (s *server) makeVolumes(context.Context) error {
	dir := filepath.Join(s.config.State, "volumes")
	s.volumes = ledger.Volumes{Keeper: volumes.NewKeeper(dir, s.db, s.engine, s.deployer, s.logger)}
	return nil
}
