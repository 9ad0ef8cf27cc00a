package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"csph/platform"
)

const (
	// TokenPrefix starts every API token, so that leaked ones can be searched for (SPEC section 6).
	TokenPrefix  = "csph_"
	tokenBytes   = 32
	tokenColumns = "SELECT id, account, name, created, last_used, hash FROM tokens "
)

// Token is a token as it is listed.
type Token struct {
	platform.Token
	// LastUsed is when it was last used, at most useEvery behind; zero when it never was.
	LastUsed time.Time `json:"last_used,omitzero"`

	hash string
}

func scanToken(r row) (t Token, err error) {
	err = r.Scan(&t.ID, &t.Account, &t.Name, instant{&t.Created}, instant{&t.LastUsed}, &t.hash)
	return t, err
}

// newToken returns 256 random bits as a token.
func newToken() (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return TokenPrefix + hex.EncodeToString(secret), nil
}

// hashToken is what is stored of a token. A plain hash is enough, since nobody can guess 256 random bits.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// CreateToken makes an API token of an account. The secret is returned here, and never again.
func (db *DB) CreateToken(ctx context.Context, account, name string) (t platform.Token, secret string, err error) {
	if name = strings.TrimSpace(name); name == "" {
		return t, "", fmt.Errorf("%w: a token needs a name, so that it can be told apart and revoked", platform.ErrInvalid)
	}
	if secret, err = newToken(); err != nil {
		return t, "", err
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := one(ctx, tx, scanAccount, "account", account, accountColumns+"WHERE id = $1", account); err != nil {
			return err
		}
		var err error
		t, err = db.insertToken(ctx, tx, platform.Token{Account: account, Name: name}, secret)
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
	t.Created = now()
	_, err = tx.ExecContext(ctx, "INSERT INTO tokens (id, account, name, hash, created, last_used) VALUES ($1, $2, $3, $4, $5, $6)",
		t.ID, t.Account, t.Name, hashToken(secret), instant{&t.Created}, instant{&time.Time{}})
	if err != nil {
		return t, fmt.Errorf("insert token %s: %w", t.Name, err)
	}
	return t, nil
}

// Authenticate returns the token that secret is, ErrUnauthorized when it is none. It reads only; that the
// token was used is written later, by the store itself. Hashes are looked up and compared, never secrets,
// so that the time it takes says nothing about them.
func (db *DB) Authenticate(ctx context.Context, secret string) (platform.Token, error) {
	hash := hashToken(secret)
	t, err := one(ctx, db.reader, scanToken, "token", "like this", tokenColumns+"WHERE hash = $1", hash)
	if err != nil && !errors.Is(err, platform.ErrNotFound) {
		return platform.Token{}, db.explain(err)
	}
	if subtle.ConstantTimeCompare([]byte(t.hash), []byte(hash)) != 1 {
		return platform.Token{}, fmt.Errorf("%w: the token is not valid; log in again with csph login", platform.ErrUnauthorized)
	}
	if time.Since(t.LastUsed) > useEvery {
		db.uses.add(t.ID, now())
	}
	return t.Token, nil
}

// ListTokens lists an account's tokens, oldest first.
func (db *DB) ListTokens(ctx context.Context, account string) ([]Token, error) {
	all, err := list(ctx, db.reader, scanToken, tokenColumns+"WHERE account = $1 ORDER BY id", account)
	return all, db.explain(err)
}

// RevokeToken ends the account's token that ref means: an id, or a name that only one token has. The last
// one is kept (ErrConflict): nobody could get in any more.
func (db *DB) RevokeToken(ctx context.Context, account, ref string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		all, err := list(ctx, tx, scanToken, tokenColumns+"WHERE account = $1", account)
		if err != nil {
			return fmt.Errorf("read tokens: %w", err)
		}
		id, err := meant(all, ref)
		if err != nil {
			return err
		}
		if len(all) == 1 {
			return fmt.Errorf("%w: %s is the only token of the account; create another one first", platform.ErrConflict, ref)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE id = $1", id); err != nil {
			return fmt.Errorf("delete token %s: %w", ref, err)
		}
		return nil
	})
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
