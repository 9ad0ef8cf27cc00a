package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"csph/platform"
	"csph/store"
)

const (
	manyServices    = 1000
	manyDeployments = 100_000
	restorable      = 10 * manyServices     // deployments with an image on record, the newest ones
	listCalls       = 300                   // of each kind
	listPause       = 12 * time.Millisecond // between two calls: one token may ask a hundred times a second
	listTarget      = 20 * time.Millisecond
	listCPU         = 10 * time.Millisecond // which a busy machine changes less
	recordsSize     = 150 << 20             // of csphd, with all of that in its records
)

// measureRecords asks for lists of a server with a long history: how long 99 of 100 calls take at most, and
// how large csphd is afterwards.
func measureRecords(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServerOn(ctx, b, fillRecords)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, list := range []struct {
		name string
		call func() error
	}{
		{"list services", func() error { return s.fetch(ctx, "/v1/services?limit=100") }},
		{"list deployments of the account", func() error { return s.fetch(ctx, "/v1/deployments?limit=100") }},
		{"list deployments of a service", func() error { return s.fetch(ctx, "/v1/deployments?limit=100&service=web-500") }},
		{"list live deployments", func() error { return s.fetch(ctx, "/v1/deployments?limit=100&status=live") }},
		{"get a service by name", func() error { return s.fetch(ctx, "/v1/services/web-999") }},
		{"get a deployment by prefix", func() error { return s.fetch(ctx, "/v1/deployments/dep_00000000000000000000050000") }},
	} {
		before, err := cpuTime(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		took, err := timed(list.call)
		if err != nil {
			return fmt.Errorf("%s: %w", list.name, err)
		}
		after, err := cpuTime(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		report(excessOf(list.name+", p99", []time.Duration{quantile(took, 0.99)}, []time.Duration{0}, listTarget))
		report(excessOf("csphd's CPU for one", []time.Duration{(after - before) / listCalls}, []time.Duration{0}, listCPU))
	}
	size, err := s.sizeAtRest(ctx, recordsSize)
	if err != nil {
		return err
	}
	report(growthOf(fmt.Sprintf("resident size with %d deployments", manyDeployments), size, 0, recordsSize))
	peak, err := peakSize(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	report(growthOf("and at its highest", peak, 0, recordsSize))
	return nil
}

// cpuTime is what a process has used of all CPUs, in user and system mode (proc(5), stat: utime and stime, in hundredths of a second).
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

func (s *server) fetch(ctx context.Context, path string) error {
	token, err := os.ReadFile(filepath.Join(s.state, "admin.token"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.api+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %.200s", path, answer.Status, text)
	}
	return err
}

// timed is how long each of listCalls calls took, once the first has filled the caches.
func timed(call func() error) ([]time.Duration, error) {
	var took []time.Duration
	pause := time.NewTicker(listPause)
	defer pause.Stop()
	for i := range listCalls + 1 {
		<-pause.C
		began := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		if i > 0 {
			took = append(took, time.Since(began))
		}
	}
	return took, nil
}

// fillRecords makes records with a long history in a state folder that no csphd has used yet.
func fillRecords(ctx context.Context, state string) error {
	path := filepath.Join(state, "csph.db")
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	err = template(ctx, db, state)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	return errors.Join(multiply(ctx, raw), raw.Close())
}

// template makes one service with one deployment, which multiply copies.
func template(ctx context.Context, db *store.DB, state string) error {
	_, err := db.Bootstrap(ctx, func(token string) error {
		return os.WriteFile(filepath.Join(state, "admin.token"), []byte(token+"\n"), 0o600)
	})
	if err != nil {
		return err
	}
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return err
	}
	env := map[string]string{"DATABASE_URL": "postgres://user:password@host/database", "LOG_LEVEL": "info"}
	svc, err := db.CreateService(ctx, accounts[0].ID, "web-0", platform.Service{Config: platform.Config{Env: env}})
	if err != nil {
		return err
	}
	d, err := db.CreateDeployment(ctx, platform.Deployment{
		Service: svc.ID, Config: svc.Config, URL: "http://web.localhost", Trigger: platform.Trigger{Kind: platform.TriggerPush, Actor: "laptop"},
		Source: platform.Source{Kind: platform.FromGit, Revision: strings.Repeat("0123456789", 4), Branch: "main", Subject: "Change a line"},
	})
	if err != nil {
		return err
	}
	return retired(ctx, db, d.ID)
}

// retired takes a deployment through all its phases, so that its history is as long as that of most.
func retired(ctx context.Context, db *store.DB, id string) error {
	build := func(d *platform.Deployment) {
		d.Image = platform.Image{Ref: "csph/web:" + id, Digest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Size: 12 << 20, Command: []string{"/var/www/server"}}
	}
	for from, step := range []struct {
		status platform.Status
		move   platform.Move
		set    func(*platform.Deployment)
	}{
		{platform.Queued, platform.StartBuild, nil},
		{platform.Building, platform.StartRollout, build},
		{platform.RollingOut, platform.StartCheck, nil},
		{platform.HealthCheck, platform.Promote, nil},
		{platform.Live, platform.Retire, nil},
	} {
		if _, err := db.Advance(ctx, id, step.status, step.move, step.set); err != nil {
			return fmt.Errorf("take step %d: %w", from, err)
		}
	}
	return nil
}

// multiply copies the one service and the one deployment. Only the newest deployments keep their image, as csphd has it.
func multiply(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO services (id, environment, name, host, type, config, suspended, created)
		SELECT printf('svc_%%026d', i), environment, 'web-' || i, 'web-' || i, type, config, suspended, created FROM n, services WHERE name = 'web-0'`,
		manyServices-1))
	if err != nil {
		return fmt.Errorf("copy the service: %w", err)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO deployments (id, service, status, reason, message, hint, tail, triggered_by, source, config, image, history, url, created, account, project)
		SELECT printf('dep_%%026d', i), printf('svc_%%026d', 1 + i %% %d), status, reason, message, hint, tail, triggered_by, source, config,
			CASE WHEN i > %d THEN replace(image, id, i) ELSE '{"ref":"","digest":""}' END, history, url, created, account, project
		FROM n, (SELECT * FROM deployments LIMIT 1)`, manyDeployments, manyServices-1, manyDeployments-restorable))
	if err != nil {
		return fmt.Errorf("copy the deployment: %w", err)
	}
	return nil
}
