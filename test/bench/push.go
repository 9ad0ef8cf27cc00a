package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"csph/builder"
	"csph/platform"
)

// Targets of the pushes.
const (
	pushRatio    = 1.3         // of a one-line change
	noChangeOver = time.Second // beside git's own time
)

// measurePushes compares `git push` of a one-line change, to its exit, with the bare solve of the same plan
// and a bare start of the image to the first answer, by calls of the daemons and by their own commands; and a push that changes no file with one that is stored only.
func measurePushes(ctx context.Context, b *bench, report func(figure)) (err error) {
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
	for _, sample := range []struct{ title, app, file string }{{"Go", "go-hello", "main.go"}, {"Node", "node-npm", "server.js"}} {
		a, err := newApp(ctx, b, s, sample.app, sample.file)
		if err != nil {
			return err
		}
		p := &pushes{app: a, floor: f, bare: a.dir + "-floor", note: b.note}
		if err := p.oneLine(ctx, b.rounds, "push of one line, "+sample.title, report); err != nil {
			return err
		}
		if err := p.noChange(ctx, b.rounds, "push of no change, "+sample.title+", over git", report); err != nil {
			return err
		}
	}
	return nil
}

// pushes are the pushes of one app, and what they are compared with.
type pushes struct {
	app   *app
	floor *floor
	bare  string // copy of the app that the floor builds
	note  func(string, ...any)
	seq   int64 // position of the service's last event that was waited for
}

// oneLine pushes and builds bare in turns; the first turn warms the caches of both.
func (p *pushes) oneLine(ctx context.Context, rounds int, title string, report func(figure)) error {
	if err := os.CopyFS(p.bare, os.DirFS(p.app.dir)); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(p.bare, ".git")); err != nil {
		return err
	}
	var ours, floor, commands []time.Duration
	for n := range rounds + 1 {
		version := "bench" + strconv.Itoa(n)
		pushed, err := p.app.release(ctx, version)
		if err != nil {
			return err
		}
		if err := p.settle(ctx, n == 0); err != nil {
			return err
		}
		// Other content of the same length: BuildKit takes from its cache what has been built before, by anyone.
		raw, err := p.raw(ctx, "floor"+strconv.Itoa(n), byCalls)
		if err != nil {
			return err
		}
		typed, err := p.raw(ctx, "typed"+strconv.Itoa(n), byCommands)
		if err != nil {
			return err
		}
		p.note("%s, round %d: %s, floor %s, buildctl and ctr %s", title, n, milliseconds(pushed), milliseconds(raw), milliseconds(typed))
		if n > 0 {
			ours, floor, commands = append(ours, pushed), append(floor, raw), append(commands, typed)
		}
	}
	report(ratioOf(title, ours, floor, pushRatio))
	report(ratioOf("the same, to buildctl and ctr", ours, commands, pushRatio))
	return nil
}

// settle waits until the server is done with a push: the old version has gone.
func (p *pushes) settle(ctx context.Context, first bool) (err error) {
	kind := platform.EventRetired
	if first {
		kind = platform.EventLive
	}
	p.seq, err = p.app.server.await(ctx, p.app.name, kind, p.seq)
	return err
}

// way is how a floor builds an order and starts its image to the first answer.
type way func(ctx context.Context, f *floor, o builder.Order, dir, id string) (remove func() error, err error)

func byCalls(ctx context.Context, f *floor, o builder.Order, _, id string) (func() error, error) {
	image, err := f.solve(ctx, o)
	if err != nil {
		return nil, err
	}
	return f.run(ctx, image, id)
}

func byCommands(ctx context.Context, f *floor, o builder.Order, dir, id string) (func() error, error) {
	image, err := f.buildctl(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	return f.ctr(ctx, image, id)
}

// raw makes the same change in the floor's copy, builds it bare and starts it bare to the first answer.
func (p *pushes) raw(ctx context.Context, version string, done way) (time.Duration, error) {
	if err := setVersion(p.bare, p.app.file, version); err != nil {
		return 0, err
	}
	order, err := p.floor.order(ctx, p.app.name, p.bare, version)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	remove, err := done(ctx, p.floor, order, p.bare, fmt.Sprintf("floor-%s-%s", p.app.name, version))
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return took, remove()
}

// noChange pushes a commit without a change, to be deployed and to be stored only, in turns.
func (p *pushes) noChange(ctx context.Context, rounds int, title string, report func(figure)) error {
	var deployed, stored []time.Duration
	for n := range rounds {
		took, err := p.app.push(ctx, "stored only", "stored")
		if err != nil {
			return err
		}
		stored = append(stored, took)
		if took, err = p.app.push(ctx, "nothing changed", "main"); err != nil {
			return err
		}
		deployed = append(deployed, took)
		if err := p.settle(ctx, false); err != nil {
			return err
		}
		p.note("%s, round %d: %s, git alone %s", title, n+1, milliseconds(deployed[n]), milliseconds(stored[n]))
	}
	report(excessOf(title, deployed, stored, noChangeOver))
	return nil
}
