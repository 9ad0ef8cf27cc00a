package api_test

import (
	"bytes"
	"errors"
	"testing"

	"csph/api/wire"
	"csph/platform"
)

func TestADeploymentTellsHowItsImageWasMade(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	w.service(t, "web")
	d := w.live(t, "web")
	statement, err := w.Provenance(ctx, d.ID)
	if err != nil || !bytes.Contains(statement, []byte(d.ID)) {
		t.Errorf("%s, %v", statement, err)
	}
	failed, err := w.DeployImage(ctx, "web", wire.NewDeployment{Image: "broken"})
	if err != nil {
		t.Fatal(err)
	}
	w.Deployer.Settled(t, failed.ID)
	if _, err := w.Provenance(ctx, failed.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("of a deployment without an image: %v", err)
	}
}
