package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/platform"
)

// asked is a query as the store has put it.
type asked struct {
	query string
	args  []any
}

// listening passes queries on to the driver of the store, and writes them down.
type listening struct {
	to  driver.Driver
	dsn string

	mu  sync.Mutex
	all []asked
}

func (l *listening) Driver() driver.Driver { return l.to }

func (l *listening) Connect(context.Context) (driver.Conn, error) {
	c, err := l.to.Open(l.dsn)
	return &overheard{c, l}, err
}

type overheard struct {
	driver.Conn
	by *listening
}

func (o *overheard) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	o.by.mu.Lock()
	o.by.all = append(o.by.all, asked{query, values})
	o.by.mu.Unlock()
	return o.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// overhear has db's reads written down.
func overhear(t *testing.T, db *DB) *listening {
	t.Helper()
	l := &listening{to: db.reader.Driver(), dsn: dsn(db.path, busyTimeout, url.Values{})}
	must(t, db.reader.Close())
	db.reader = sql.OpenDB(l)
	return l
}

// plan is how the database goes about a query, a line a step.
func (a asked) plan(t *testing.T, db *DB) []string {
	t.Helper()
	steps, err := list(t.Context(), db.writer, func(r row) (step string, err error) {
		var id, parent, unused any
		err = r.Scan(&id, &parent, &unused, &step)
		return step, err
	}, "EXPLAIN QUERY PLAN "+a.query, a.args...)
	must(t, err)
	return steps
}

// TestNoListThatIsAskedForOftenReadsAWholeTable goes through what is read at every deployment, request or tick: none reads
// from front to back a table that grows with the history, and none sorts what it has read of one.
func TestNoListThatIsAskedForOftenReadsAWholeTable(t *testing.T) {
	db, svc := started(t)
	partial, err := list(t.Context(), db.writer, scanText, "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")
	must(t, err)
	l := overhear(t, db)
	for name, ask := range hotReads(db, svc) {
		l.all = nil
		if err := ask(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(l.all) == 0 {
			t.Errorf("%s asks nothing", name)
		}
		read := ""
		for _, q := range l.all {
			for _, step := range q.plan(t, db) {
				read += step + "\n"
				if q.readsAll(step, partial) || q.sorts(step) {
					t.Errorf("%s: %s\n\t%s", name, step, q.query)
				}
			}
		}
		if index := ownIndexes()[name]; !strings.Contains(read, index) {
			t.Errorf("%s is not read from %s:\n%s", name, index, read)
		}
	}
}

// ownIndexes are those of reads that would go through a history without them.
func ownIndexes() map[string]string {
	return map[string]string{
		"with image": "deployments_with_image", "disk": "deployments_images_of_account", "usage": "deployments_unsettled_of_account",
		"deployments by status": "deployments_of_status", "live": "deployments_live",
	}
}

// growing are the steps that go from one end of a table to the other whose size follows from what has ever happened.
var growing = regexp.MustCompile(`^SCAN (?:deployments|d|l|events|audit|deliveries|runs|answers|secrets|reports)(?: USING (?:COVERING )?INDEX (\S+))?$`)

// readsAll reports whether step reads all of a table that grows: neither an index that holds only what is asked for, nor
// the table's own order as far as a LIMIT.
func (a asked) readsAll(step string, partial []string) bool {
	found := growing.FindStringSubmatch(step)
	return found != nil && !slices.Contains(partial, found[1]) && (!strings.Contains(a.query, "LIMIT") || strings.Contains(a.query, " = $"))
}

// sorts reports whether step sorts something that only ever grows. What an account has now may be sorted, and so may those
// that are equal in what an index has sorted.
func (a asked) sorts(step string) bool {
	return strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && !strings.Contains(a.query, "FROM services")
}

func hotReads(db *DB, svc platform.Service) map[string]func(context.Context) error {
	reads := map[string]func(context.Context) error{
		"history":    func(ctx context.Context) error { return failed(db.Deployments(ctx, svc.ID, 10)) },
		"with image": func(ctx context.Context) error { return failed(db.WithImage(ctx, svc.ID)) },
		"ids":        func(ctx context.Context) error { return failed(db.DeploymentIDs(ctx, svc.ID)) },
		"live": func(ctx context.Context) error {
			return failed(db.LiveOf(ctx, []platform.Service{{ID: svc.ID, Live: "x"}}))
		},
		"scaled":    func(ctx context.Context) error { return failed(db.AutoscaledServices(ctx)) },
		"unsettled": func(ctx context.Context) error { return failed(db.Unsettled(ctx)) },
		"usage":     func(ctx context.Context) error { return failed(db.Usage(ctx, svc.Account, svc.ID)) },
		"disk":      func(ctx context.Context) error { return failed(db.DiskMB(ctx, svc.Account)) },
		"holdings":  func(ctx context.Context) error { return failed(db.Holdings(ctx)) },
		"service":   func(ctx context.Context) error { return failed(db.Service(ctx, svc.ID)) },
		"named":     func(ctx context.Context) error { return failed(db.ResolveService(ctx, svc.Account, "web")) },
		"audit": func(ctx context.Context) error {
			return failed(db.AuditPage(ctx, AuditPage{Accounts: []string{svc.Account}, Limit: 50}))
		},
		"deliveries":  func(ctx context.Context) error { return failed(db.WaitingDeliveries(ctx)) },
		"of webhook":  func(ctx context.Context) error { return failed(db.Deliveries(ctx, "whk_1", "dlv_7", 50)) },
		"reports":     func(ctx context.Context) error { return failed(db.DueReports(ctx, time.Now(), 50)) },
		"next report": func(ctx context.Context) error { return failed(db.NextReport(ctx)) },
		"runs":        func(ctx context.Context) error { return failed(db.Runs(ctx, svc.ID, "", "run_7", 50)) },
		"open runs":   func(ctx context.Context) error { return failed(db.OpenRuns(ctx)) },
		"due timers":  func(ctx context.Context) error { return failed(db.DueTimers(ctx, time.Now())) },
		"next timer":  func(ctx context.Context) error { return failed(db.NextTimer(ctx)) },
		"previews":    func(ctx context.Context) error { return failed(db.ExpiredPreviews(ctx, time.Now())) },
		"position":    func(ctx context.Context) error { return failed(db.Position(ctx)) },
	}
	for name, f := range map[string]Filter{"events": {}, "events of a service": {Service: svc.ID}, "events of a deployment": {Deployment: "dep_1"}} {
		reads[name] = func(ctx context.Context) error { return failed(db.Events(ctx, f, batch)) }
		reads["latest "+name] = func(ctx context.Context) error { return failed(db.LatestEvents(ctx, f, batch)) }
	}
	for name, p := range map[string]Page{
		"": {}, " of a service": {Service: svc.ID}, " of a service by status": {Service: svc.ID, Status: platform.Failed},
		" by status": {Status: platform.Failed}, " behind another": {Before: "dep_7"}, " of projects": {Projects: []string{svc.Project}},
	} {
		p.Account, p.Limit = svc.Account, 50
		reads["deployments"+name] = func(ctx context.Context) error { return failed(db.DeploymentPage(ctx, p)) }
	}
	return reads
}

func failed[T any](_ T, err error) error { return err }
