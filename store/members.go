package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"csph/platform"
)

const memberColumns = "SELECT id, account, name, role, projects, created FROM members "

func scanMember(r row) (m platform.Member, err error) {
	err = r.Scan(&m.ID, &m.Account, &m.Name, &m.Role, document{&m.Projects}, instant{&m.Created})
	return m, err
}

// Members lists an account's members, oldest first.
func (db *DB) Members(ctx context.Context, account string) ([]platform.Member, error) {
	all, err := list(ctx, db.reader, scanMember, memberColumns+"WHERE account = $1 ORDER BY id", account)
	return all, db.explain(err)
}

// Member returns the account's member that ref means: an id or a name.
func (db *DB) Member(ctx context.Context, account, ref string) (platform.Member, error) {
	m, err := member(ctx, db.reader, account, ref)
	return m, db.explain(err)
}

func member(ctx context.Context, q querier, account, ref string) (platform.Member, error) {
	return one(ctx, q, scanMember, "member", ref, memberColumns+"WHERE account = $1 AND (id = $2 OR name = $2)", account, ref)
}

// UpdateMember changes the role and the projects of a member, and nothing else, under the records' lock. ErrConflict when no admin
// would be left. change may return an error to leave the member as it is; it must not call the store.
func (db *DB) UpdateMember(ctx context.Context, account, ref string, change func(*platform.Member) error) (platform.Member, error) {
	var after platform.Member
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		m, err := member(ctx, tx, account, ref)
		if err != nil {
			return err
		}
		if err := change(&m); err != nil {
			return err
		}
		if err := checkMember(ctx, tx, account, m.Role, m.Projects); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE members SET role = $1, projects = $2 WHERE id = $3", m.Role, document{m.Projects}, m.ID)
		if err != nil {
			return fmt.Errorf("update member %s: %w", ref, err)
		}
		after = m
		return keepWay(ctx, tx, account, "the admin "+m.Name)
	})
	return after, err
}

// RemoveMember takes a member out of its account, with its tokens and keys. ErrConflict when no admin would be left.
func (db *DB) RemoveMember(ctx context.Context, account, ref string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		m, err := member(ctx, tx, account, ref)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM members WHERE id = $1", m.ID); err != nil {
			return fmt.Errorf("delete member %s: %w", ref, err)
		}
		return keepWay(ctx, tx, account, "the admin "+m.Name)
	})
}

func (db *DB) insertMember(ctx context.Context, tx querier, m platform.Member) (platform.Member, error) {
	var err error
	if m.ID, err = db.ids.next(platform.MemberPrefix); err != nil {
		return m, err
	}
	m.Created = now()
	_, err = tx.ExecContext(ctx, "INSERT INTO members (id, account, name, role, projects, created) VALUES ($1, $2, $3, $4, $5, $6)",
		m.ID, m.Account, m.Name, m.Role, document{m.Projects}, instant{&m.Created})
	if taken(err) {
		return m, fmt.Errorf("%w: the account has a member %s already", platform.ErrConflict, m.Name)
	}
	if err != nil {
		return m, fmt.Errorf("insert member %s: %w", m.Name, err)
	}
	return m, nil
}

// memberNameMax is the longest name of a member, in bytes.
const memberNameMax = 100

func checkMemberName(name string) error {
	if name == "" || len(name) > memberNameMax || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) ||
		strings.HasPrefix(name, platform.MemberPrefix+"_") {
		return fmt.Errorf("%w: %q cannot be the name of a member: write 1 to %d characters on one line, such as an e-mail address", platform.ErrInvalid, name, memberNameMax)
	}
	return nil
}

func checkMember(ctx context.Context, q querier, account string, role platform.Role, projects []string) error {
	if !slices.Contains(platform.Roles(), role) {
		return fmt.Errorf("%w: %q is not a role; choose admin, member or viewer", platform.ErrInvalid, role)
	}
	return checkProjects(ctx, q, account, projects)
}

// checkProjects refuses ids that are no projects of the account.
func checkProjects(ctx context.Context, q querier, account string, projects []string) error {
	for _, id := range projects {
		if _, err := one(ctx, q, scanProject, "project", id, projectColumns+"WHERE id = $1 AND account = $2", id, account); err != nil {
			return err
		}
	}
	return nil
}
