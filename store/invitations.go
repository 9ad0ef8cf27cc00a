package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"csph/platform"
)

const (
	invitationColumns = "SELECT id, account, name, role, projects, invited_by, created, expires, hash FROM invitations "
	// invitationLife is how long an invitation can be accepted.
	invitationLife = 7 * 24 * time.Hour
	// JoinedToken is the name of the token that a member gets by accepting an invitation.
	JoinedToken = "invitation"
)

type invitation struct {
	platform.Invitation
	hash string
}

func scanInvitation(r row) (i invitation, err error) {
	err = r.Scan(&i.ID, &i.Account, &i.Name, &i.Role, document{&i.Projects}, &i.By, instant{&i.Created}, instant{&i.Expires}, &i.hash)
	return i, err
}

// Invite makes an invitation into an account; of draft Name, Role, Projects and By count. The secret is
// returned here, and never again. ErrConflict when there is a member, or an invitation, of that name.
func (db *DB) Invite(ctx context.Context, account string, draft platform.Invitation) (made platform.Invitation, secret string, err error) {
	if draft.Name = strings.TrimSpace(draft.Name); draft.Role == "" {
		draft.Role = platform.RoleMember
	}
	if err := checkMemberName(draft.Name); err != nil {
		return made, "", err
	}
	if secret, err = newSecret(InvitationPrefix); err != nil {
		return made, "", err
	}
	if draft.ID, err = db.ids.next(platform.InvitationPrefix); err != nil {
		return made, "", err
	}
	draft.Account, draft.Created = account, now()
	draft.Expires = draft.Created.Add(invitationLife)
	err = db.write(ctx, func(ctx context.Context, tx querier) error { return insertInvitation(ctx, tx, draft, secret) })
	if err != nil {
		return made, "", err
	}
	return draft, secret, nil
}

func insertInvitation(ctx context.Context, tx querier, i platform.Invitation, secret string) error {
	if err := checkMember(ctx, tx, i.Account, i.Role, i.Projects); err != nil {
		return err
	}
	_, err := member(ctx, tx, i.Account, i.Name)
	if err == nil {
		return fmt.Errorf("%w: the account has a member %s already", platform.ErrConflict, i.Name)
	}
	if !errors.Is(err, platform.ErrNotFound) {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM invitations WHERE expires <= $1", instant{&i.Created}); err != nil {
		return fmt.Errorf("drop expired invitations: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO invitations (id, account, name, role, projects, invited_by, hash, created, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		i.ID, i.Account, i.Name, i.Role, document{i.Projects}, i.By, hashToken(secret), instant{&i.Created}, instant{&i.Expires})
	if taken(err) {
		return fmt.Errorf("%w: %s has been invited already; csph members uninvite %s takes that back", platform.ErrConflict, i.Name, i.Name)
	}
	if err != nil {
		return fmt.Errorf("insert invitation of %s: %w", i.Name, err)
	}
	return nil
}

// Invitations lists the invitations of an account that can still be accepted, oldest first.
func (db *DB) Invitations(ctx context.Context, account string) ([]platform.Invitation, error) {
	at := now()
	all, err := list(ctx, db.reader, scanInvitation, invitationColumns+"WHERE account = $1 AND expires > $2 ORDER BY id", account, instant{&at})
	open := make([]platform.Invitation, len(all))
	for i, one := range all {
		open[i] = one.Invitation
	}
	return open, db.explain(err)
}

// Uninvite takes back the account's invitation that ref means: an id or a name.
func (db *DB) Uninvite(ctx context.Context, account, ref string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM invitations WHERE account = $1 AND (id = $2 OR name = $2)", account, ref)
		if err != nil {
			return fmt.Errorf("delete invitation %s: %w", ref, err)
		}
		return affected(res, "invitation", ref)
	})
}

// invited is whom an invitation speaks for.
func (db *DB) invited(ctx context.Context, secret string) (platform.Caller, error) {
	hash := hashToken(secret)
	i, err := one(ctx, db.reader, scanInvitation, "invitation", "like this", invitationColumns+"WHERE hash = $1", hash)
	if err != nil && !errors.Is(err, platform.ErrNotFound) {
		return platform.Caller{}, db.explain(err)
	}
	if subtle.ConstantTimeCompare([]byte(i.hash), []byte(hash)) != 1 || !i.Expires.After(now()) {
		return platform.Caller{}, fmt.Errorf("%w: the invitation is not valid, was accepted already, or has expired; ask for another one", platform.ErrUnauthorized)
	}
	return platform.Caller{Account: i.Account, Credential: i.ID, Name: i.Name, Invitation: true}, nil
}

// Join makes the member that an invitation is for, with a token, and uses the invitation up.
func (db *DB) Join(ctx context.Context, id string) (m platform.Member, secret string, err error) {
	if secret, err = newSecret(TokenPrefix); err != nil {
		return m, "", err
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		i, err := one(ctx, tx, scanInvitation, "invitation", id, invitationColumns+"WHERE id = $1", id)
		if err != nil {
			return err
		}
		m, err = db.insertMember(ctx, tx, platform.Member{Account: i.Account, Name: i.Name, Role: i.Role, Projects: i.Projects})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM invitations WHERE id = $1", id); err != nil {
			return fmt.Errorf("use the invitation up: %w", err)
		}
		_, err = db.insertToken(ctx, tx, platform.Token{Member: m.ID, Name: JoinedToken}, secret)
		return err
	})
	if err != nil {
		return platform.Member{}, "", err
	}
	return m, secret, nil
}
