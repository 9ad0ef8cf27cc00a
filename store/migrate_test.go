package store

import (
	"database/sql"
	"fmt"
	"testing"

	"csph/platform"
)

// TestRecordsOfTheFirstSchemaAreTakenOver opens a file as the first release left it: its token and its key
// belong to an admin afterwards, and its deployments to their account.
func TestRecordsOfTheFirstSchemaAreTakenOver(t *testing.T) {
	path := place(t)
	first, err := migrations.ReadFile("migrations/sqlite/00001_records.sql")
	must(t, err)
	old, err := sql.Open("sqlite", path)
	must(t, err)
	for _, statement := range []string{
		string(first),
		"CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1)",
		"INSERT INTO accounts VALUES ('acc_1', 'default', 1), ('acc_2', 'second', 2)",
		"INSERT INTO projects VALUES ('prj_1', 'acc_1', 'default', 1)",
		"INSERT INTO environments VALUES ('env_1', 'prj_1', 'production', 'null', 1)",
		`INSERT INTO services VALUES ('svc_1', 'env_1', 'web', 'web', 'web', '{"shape":"FLX","count":1}', 0, 1)`,
		"INSERT INTO deployments VALUES ('dep_01hgw000000000000000000000', 'svc_1', 'live', '', '', '', 'null', '{}', '{}', '{}', '{}', 'null', '', 1)",
		"INSERT INTO keys VALUES ('key_1', 'acc_1', 'laptop', 'ssh-ed25519 AAAA', 'SHA256:x', 1)",
		fmt.Sprintf("INSERT INTO tokens VALUES ('tok_1', 'acc_1', 'admin', '%s', 1, 0)", hashToken("csph_old")),
	} {
		_, err := old.ExecContext(t.Context(), statement)
		must(t, err)
	}
	must(t, old.Close())

	db := opened(t, path)
	must(t, db.Check(t.Context()))
	c, err := db.Authenticate(t.Context(), "csph_old")
	must(t, err)
	if c.Account != "acc_1" || !c.Operator || c.Check(platform.MayOperate) != nil {
		t.Errorf("the old admin token speaks for %+v", c)
	}
	k, err := db.KeyCaller(t.Context(), "SHA256:x")
	must(t, err)
	if k.Member != c.Member || k.Check(platform.MayChange) != nil {
		t.Errorf("the old key speaks for %+v", k)
	}
	d, err := db.FindDeployment(t.Context(), "acc_1", "dep_01hgw")
	must(t, err)
	if d.Service != "svc_1" {
		t.Errorf("the old deployment is %+v", d)
	}
	second, err := db.Account(t.Context(), "acc_2")
	must(t, err)
	if second.Operator {
		t.Error("the second account looks after the server")
	}
}
