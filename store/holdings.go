package store

import (
	"context"
	"fmt"

	"csph/platform"
)

// imaged is the condition of the partial indexes on deployments with an image: the JSON form of no image is excluded.
const imaged = `image <> '{"ref":"","digest":""}'`

// Holdings is what must stay on disk because the records refer to it. It is small however long the history is.
type Holdings struct {
	Services    map[string]string // names of all services, by id
	Deployments map[string]bool   // ids of those that are not terminal
	Images      map[string]bool   // names of the images on record
}

// Holdings reads what the records refer to.
func (db *DB) Holdings(ctx context.Context) (Holdings, error) {
	h := Holdings{Deployments: map[string]bool{}, Images: map[string]bool{}}
	var err error
	if h.Services, err = db.pairs(ctx, "SELECT id, name FROM services"); err != nil {
		return h, fmt.Errorf("list the names of services: %w", err)
	}
	under, err := list(ctx, db.reader, scanText, "SELECT id FROM deployments WHERE "+unsettled+" ORDER BY id")
	if err != nil {
		return h, fmt.Errorf("list unsettled deployments: %w", db.explain(err))
	}
	for _, id := range under {
		h.Deployments[id] = true
	}
	images, err := list(ctx, db.reader, scanImage, "SELECT image FROM deployments WHERE "+imaged)
	if err != nil {
		return h, fmt.Errorf("list images: %w", db.explain(err))
	}
	for _, image := range images {
		if image.Ref != "" {
			h.Images[image.Ref] = true
		}
	}
	return h, nil
}

func scanImage(r row) (image platform.Image, err error) {
	err = r.Scan(document{&image})
	return image, err
}

// DeploymentIDs lists the ids of all of a service's deployments, oldest first.
func (db *DB) DeploymentIDs(ctx context.Context, service string) ([]string, error) {
	ids, err := list(ctx, db.reader, scanText, "SELECT id FROM deployments WHERE service = $1 ORDER BY id", service)
	if err != nil {
		return nil, fmt.Errorf("list deployments of service %s: %w", service, db.explain(err))
	}
	return ids, nil
}

// Owners are the services of all deployments, by deployment.
func (db *DB) Owners(ctx context.Context) (map[string]string, error) {
	owners, err := db.pairs(ctx, "SELECT id, service FROM deployments")
	if err != nil {
		return nil, fmt.Errorf("list the services of deployments: %w", err)
	}
	return owners, nil
}

// pairs reads two columns of text as a map.
func (db *DB) pairs(ctx context.Context, query string) (map[string]string, error) {
	all, err := list(ctx, db.reader, scanPair, query)
	if err != nil {
		return nil, db.explain(err)
	}
	found := make(map[string]string, len(all))
	for _, pair := range all {
		found[pair[0]] = pair[1]
	}
	return found, nil
}

func scanPair(r row) (pair [2]string, err error) {
	err = r.Scan(&pair[0], &pair[1])
	return pair, err
}
