package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"csph/platform"
)

const (
	// TokenPrefix starts every API token, so that leaked ones can be searched for (SPEC section 6).
	TokenPrefix = "csph_"
	// InvitationPrefix starts every invitation.
	InvitationPrefix = TokenPrefix + "inv_"

	tokenBytes   = 32
	tokenColumns = `SELECT t.id, m.account, m.id, m.name, t.name, t.read_only, t.projects, t.created, t.expires, t.last_used, t.hash
	FROM tokens t JOIN members m ON m.id = t.member `
)

// Token is a token as it is listed.
type Token struct {
	platform.Token
	// LastUsed is when it was last used, at most useEvery behind; zero when it never was.
	LastUsed time.Time `json:"last_used,omitzero"`

	hash string
}

func scanToken(r row) (t Token, err error) {
	err = r.Scan(&t.ID, &t.Account, &t.Member, &t.MemberName, &t.Name, &t.ReadOnly, document{&t.Projects},
		instant{&t.Created}, instant{&t.Expires}, instant{&t.LastUsed}, &t.hash)
	return t, err
}

// newSecret returns 256 random bits behind a prefix.
func newSecret(prefix string) (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make secret: %w", err)
	}
	return prefix + hex.EncodeToString(secret), nil
}

// hashToken is what is stored of a token. A plain hash is enough, since nobody can guess 256 random bits.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// CreateToken makes an API token of a member; of draft only Name, ReadOnly, Projects and Expires count. The
// secret is returned here, and never again.
func (db *DB) CreateToken(ctx context.Context, member string, draft platform.Token) (t platform.Token, secret string, err error) {
	if draft.Name = strings.TrimSpace(draft.Name); draft.Name == "" || strings.ContainsFunc(draft.Name, unicode.IsControl) {
		return t, "", fmt.Errorf("%w: a token needs a name on one line, so that it can be told apart and revoked", platform.ErrInvalid)
	}
	if !draft.Expires.IsZero() && !draft.Expires.After(now()) {
		return t, "", fmt.Errorf("%w: the token would have expired at %s, which is past", platform.ErrInvalid, draft.Expires.Format(time.RFC3339))
	}
	if secret, err = newSecret(TokenPrefix); err != nil {
		return t, "", err
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		m, err := one(ctx, tx, scanMember, "member", member, memberColumns+"WHERE id = $1", member)
		if err != nil {
			return err
		}
		if err := checkProjects(ctx, tx, m.Account, draft.Projects); err != nil {
			return err
		}
		draft.Account, draft.Member, draft.MemberName = m.Account, m.ID, m.Name
		t, err = db.insertToken(ctx, tx, draft, secret)
		return err
	})
	if err != nil {
		return platform.Token{}, "", err
	}
	return t, secret, nil
}

func (db *DB) insertToken(ctx context.Context, tx querier, t platform.Token, secret string) (platform.Token, error) {
	var err error
	if t.ID, err = db.ids.next(platform.TokenPrefix); err != nil {
		return t, err
	}
	t.Created, t.Expires = now(), t.Expires.Truncate(time.Microsecond)
	_, err = tx.ExecContext(ctx, `INSERT INTO tokens (id, member, name, projects, read_only, expires, hash, created, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.ID, t.Member, t.Name, document{t.Projects}, t.ReadOnly, instant{&t.Expires}, hashToken(secret), instant{&t.Created}, instant{&time.Time{}})
	if err != nil {
		return t, fmt.Errorf("insert token %s: %w", t.Name, err)
	}
	return t, nil
}

// Authenticate returns whom a token or an invitation speaks for, ErrUnauthorized when it is none or has
// expired. It reads only; that the token was used is written later, by the store itself. Hashes are looked
// up and compared, never secrets, so that the time it takes says nothing about them.
func (db *DB) Authenticate(ctx context.Context, secret string) (platform.Caller, error) {
	if strings.HasPrefix(secret, InvitationPrefix) {
		return db.invited(ctx, secret)
	}
	hash := hashToken(secret)
	t, err := one(ctx, db.reader, scanToken, "token", "like this", tokenColumns+"WHERE t.hash = $1", hash)
	if err != nil && !errors.Is(err, platform.ErrNotFound) {
		return platform.Caller{}, db.explain(err)
	}
	if subtle.ConstantTimeCompare([]byte(t.hash), []byte(hash)) != 1 {
		return platform.Caller{}, fmt.Errorf("%w: the token is not valid; log in again with csph login", platform.ErrUnauthorized)
	}
	if !t.Expires.IsZero() && !t.Expires.After(now()) {
		return platform.Caller{}, fmt.Errorf("%w: the token %s expired at %s; make another one: csph token create", platform.ErrUnauthorized, t.Name, t.Expires.Format(time.RFC3339))
	}
	if time.Since(t.LastUsed) > useEvery {
		db.uses.add(t.ID, now())
	}
	c, err := db.caller(ctx, t.Member, t.ID, t.Name)
	c.ReadOnly, c.Projects, c.Until = t.ReadOnly, narrowed(c.Projects, t.Projects), t.Expires
	c.Less = t.ReadOnly || t.Projects != nil || !t.Expires.IsZero()
	return c, err
}

// caller is a member as who asks for something with a token or key.
func (db *DB) caller(ctx context.Context, member, credential, name string) (platform.Caller, error) {
	m, err := one(ctx, db.reader, scanMember, "member", member, memberColumns+"WHERE id = $1", member)
	if err != nil {
		return platform.Caller{}, db.explain(err)
	}
	a, err := db.Account(ctx, m.Account)
	if err != nil {
		return platform.Caller{}, err
	}
	return platform.Caller{
		Account: m.Account, Operator: a.Operator, Member: m.ID, MemberName: m.Name,
		Credential: credential, Name: name, Role: m.Role, Projects: m.Projects,
	}, nil
}

// narrowed is what two limits to projects leave; nil is no limit.
func narrowed(a, b []string) []string {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	both := []string{}
	for _, project := range a {
		if slices.Contains(b, project) {
			both = append(both, project)
		}
	}
	return both
}

// ListTokens lists the tokens of all of an account's members, oldest first.
func (db *DB) ListTokens(ctx context.Context, account string) ([]Token, error) {
	all, err := list(ctx, db.reader, scanToken, tokenColumns+"WHERE m.account = $1 ORDER BY t.id", account)
	return all, db.explain(err)
}

// RevokeToken ends the account's token that ref means: an id, or a name that only one token has; with a
// member only one of that member's. The last one of the account that an admin can use for everything is kept
// (ErrConflict): nobody could get in any more.
func (db *DB) RevokeToken(ctx context.Context, account, member, ref string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		all, err := list(ctx, tx, scanToken, tokenColumns+"WHERE m.account = $1", account)
		if err != nil {
			return fmt.Errorf("read tokens: %w", err)
		}
		own := slices.DeleteFunc(slices.Clone(all), func(t Token) bool { return member != "" && t.Member != member })
		id, err := meant(own, ref)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE id = $1", id); err != nil {
			return fmt.Errorf("delete token %s: %w", ref, err)
		}
		return keepWay(ctx, tx, account, "token "+ref)
	})
}

// keepWay refuses a change after which nobody could look after the account any more: no admin would have a
// token without limits that does not expire by itself.
func keepWay(ctx context.Context, tx querier, account, gone string) error {
	left, err := list(ctx, tx, scanText, `SELECT t.id FROM tokens t JOIN members m ON m.id = t.member
		WHERE m.account = $1 AND m.role = $2 AND m.projects = 'null' AND t.projects = 'null' AND t.read_only = $3 AND t.expires = 0 LIMIT 1`,
		account, platform.RoleAdmin, false)
	if err != nil {
		return fmt.Errorf("read tokens: %w", err)
	}
	if len(left) == 0 {
		return fmt.Errorf("%w: without %s nobody could look after the account any more; make another admin, or another token of one, first", platform.ErrConflict, gone)
	}
	return nil
}

// meant is the id of the token that ref means.
func meant(all []Token, ref string) (string, error) {
	var ids []string
	for _, t := range all {
		if t.ID == ref || t.Name == ref {
			ids = append(ids, t.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("%w: there is no token %s", platform.ErrNotFound, ref)
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("%w: %d tokens are named %s; give an id", platform.ErrConflict, len(ids), ref)
}
