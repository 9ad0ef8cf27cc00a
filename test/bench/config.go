package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

const configRatio = 1.5 // of a bare start

// measureConfig compares a config change and a rollback, from the call of the API until the new spherelet is
// live, with a bare start of the same image to the first answer. The API is called directly: the start of the
// csph command is not in the figure.
func measureConfig(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServer(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	f, err := newFloor(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	ref, stop, err := serveImage(ctx, b, s.state)
	if err != nil {
		return err
	}
	defer stop()
	if err := s.deployImage(ctx, "config", ref); err != nil {
		return err
	}
	c := &changes{server: s, service: "config", floor: f, note: b.note}
	if err := c.begin(ctx); err != nil {
		return err
	}
	return c.measure(ctx, b.rounds, report)
}

// changes are rollouts without a build.
type changes struct {
	server  *server
	service string
	floor   *floor
	note    func(string, ...any)

	image    string // what is live
	previous string // the deployment that the last one replaced
	live     string
	seq      int64
}

// begin looks at what is live.
func (c *changes) begin(ctx context.Context) error {
	all, err := c.server.client.Deployments(ctx, c.service, 1)
	if err != nil {
		return err
	}
	c.live, c.image = all[0].ID, all[0].Image.Ref
	return nil
}

func (c *changes) measure(ctx context.Context, rounds int, report func(figure)) error {
	var config, rollback, floor []time.Duration
	for n := range rounds + 1 { // the first one warms up
		raw, err := c.raw(ctx, n)
		if err != nil {
			return err
		}
		changed, err := c.configure(ctx, strconv.Itoa(n))
		if err != nil {
			return err
		}
		restored, err := c.rollBack(ctx)
		if err != nil {
			return err
		}
		c.note("config change, round %d: %s, rollback %s, floor %s", n, milliseconds(changed), milliseconds(restored), milliseconds(raw))
		if n > 0 {
			config, rollback, floor = append(config, changed), append(rollback, restored), append(floor, raw)
		}
	}
	report(ratioOf("config change to live", config, floor, configRatio))
	report(ratioOf("rollback to live", rollback, floor, configRatio))
	return nil
}

func (c *changes) raw(ctx context.Context, n int) (time.Duration, error) {
	began := time.Now()
	remove, err := c.floor.run(ctx, c.image, "floor-start-"+strconv.Itoa(n))
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return took, remove()
}

func (c *changes) configure(ctx context.Context, value string) (time.Duration, error) {
	took, err := c.toLive(ctx, func() (platform.Deployment, error) {
		done, err := c.server.client.Configure(ctx, c.service, wire.ConfigChange{SetEnv: map[string]string{"BENCH": value}})
		if err != nil || done.Deployment == nil {
			return platform.Deployment{}, errors.Join(err, errors.New("the config change made no deployment"))
		}
		return *done.Deployment, nil
	})
	if err != nil {
		return 0, err
	}
	body, err := c.server.page(ctx, c.service, "/env?name=BENCH")
	if err == nil && strings.TrimSpace(body) != value {
		err = fmt.Errorf("BENCH was set to %s, and the app sees %q", value, body)
	}
	return took, err
}

func (c *changes) rollBack(ctx context.Context) (time.Duration, error) {
	return c.toLive(ctx, func() (platform.Deployment, error) { return c.server.client.Rollback(ctx, c.previous) })
}

// toLive is the time from the call of change until what it made is live. It returns when the old version has gone.
func (c *changes) toLive(ctx context.Context, change func() (platform.Deployment, error)) (time.Duration, error) {
	began := time.Now()
	d, err := change()
	if err != nil {
		return 0, err
	}
	took, err := c.untilLive(ctx, began, d.ID)
	if err != nil {
		return 0, err
	}
	c.previous, c.live = c.live, d.ID
	c.seq, err = c.server.await(ctx, c.service, platform.EventRetired, c.seq)
	return took, err
}

func (c *changes) untilLive(ctx context.Context, began time.Time, deployment string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for e, err := range c.server.client.Events(ctx, client.EventQuery{Deployment: deployment, Follow: true}) {
		switch {
		case err != nil:
			return 0, fmt.Errorf("wait for deployment %s: %w", deployment, err)
		case e.Kind == platform.EventLive:
			return time.Since(began), nil
		case e.Settles():
			return 0, fmt.Errorf("deployment %s: %s", deployment, e.Message)
		}
	}
	return 0, fmt.Errorf("wait for deployment %s: its events ended", deployment)
}
