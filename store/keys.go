package store

import (
	"context"
	"crypto/rsa"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"csph/platform"
)

const (
	keyColumns = "SELECT k.id, m.account, m.id, m.name, k.name, k.public, k.fingerprint, k.created FROM keys k JOIN members m ON m.id = k.member "
	// rsaMin is the smallest RSA key that is taken, in bits.
	rsaMin = 2048
	// keyLimit is the longest line that is looked at, in bytes; an RSA key of 16384 bits takes 2.8 kB.
	keyLimit = 16 << 10
)

func scanKey(r row) (k platform.Key, err error) {
	err = r.Scan(&k.ID, &k.Account, &k.Member, &k.MemberName, &k.Name, &k.Public, &k.Fingerprint, instant{&k.Created})
	return k, err
}

// AddKey adds the public key in line, which has the form of authorized_keys (sshd(8)), to a member. An
// empty name means the comment of the line. ErrInvalid says what is wrong with the line; ErrConflict when
// the key is known already, in whichever account.
func (db *DB) AddKey(ctx context.Context, member, name, line string) (platform.Key, error) {
	k, err := parseKey(line)
	if err != nil {
		return platform.Key{}, err
	}
	k.Member = member
	if strings.ContainsFunc(name, unicode.IsControl) {
		return platform.Key{}, fmt.Errorf("%w: the name of a key is one line", platform.ErrInvalid)
	}
	if name = strings.TrimSpace(name); name != "" {
		k.Name = name
	}
	if k.ID, err = db.ids.next(platform.KeyPrefix); err != nil {
		return platform.Key{}, err
	}
	k.Created = now()
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		m, err := one(ctx, tx, scanMember, "member", member, memberColumns+"WHERE id = $1", member)
		if err != nil {
			return err
		}
		k.Account, k.MemberName = m.Account, m.Name
		return insertKey(ctx, tx, k)
	})
	if err != nil {
		return platform.Key{}, err
	}
	return k, nil
}

func insertKey(ctx context.Context, tx querier, k platform.Key) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO keys (id, member, name, public, fingerprint, created) VALUES ($1, $2, $3, $4, $5, $6)",
		k.ID, k.Member, k.Name, k.Public, k.Fingerprint, instant{&k.Created})
	if taken(err) {
		return fmt.Errorf("%w: the key %s has been added already", platform.ErrConflict, k.Fingerprint)
	}
	if err != nil {
		return fmt.Errorf("insert key %s: %w", k.Fingerprint, err)
	}
	return nil
}

// ListKeys lists the keys of all of an account's members, oldest first.
func (db *DB) ListKeys(ctx context.Context, account string) ([]platform.Key, error) {
	all, err := list(ctx, db.reader, scanKey, keyColumns+"WHERE m.account = $1 ORDER BY k.id", account)
	return all, db.explain(err)
}

// RemoveKey removes the account's key that ref means: an id, a fingerprint, or a name that only one key has;
// with a member only one of that member's.
func (db *DB) RemoveKey(ctx context.Context, account, member, ref string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		ids, err := list(ctx, tx, scanText,
			`SELECT k.id FROM keys k JOIN members m ON m.id = k.member
				WHERE m.account = $1 AND (k.id = $2 OR k.fingerprint = $2 OR k.name = $2) AND (m.id = $3 OR $3 = '') ORDER BY k.id`, account, ref, member)
		if err != nil {
			return fmt.Errorf("read key %s: %w", ref, err)
		}
		switch len(ids) {
		case 0:
			return fmt.Errorf("%w: there is no key %s", platform.ErrNotFound, ref)
		case 1:
			_, err = tx.ExecContext(ctx, "DELETE FROM keys WHERE id = $1", ids[0])
			return err
		}
		return fmt.Errorf("%w: %d keys are named %s; give an id or a fingerprint", platform.ErrConflict, len(ids), ref)
	})
}

// KeyByFingerprint returns the key with this fingerprint (SHA256:…, as ssh-keygen prints it) and its account.
func (db *DB) KeyByFingerprint(ctx context.Context, fingerprint string) (platform.Key, platform.Account, error) {
	k, err := one(ctx, db.reader, scanKey, "key", fingerprint, keyColumns+"WHERE k.fingerprint = $1", fingerprint)
	if err != nil {
		return platform.Key{}, platform.Account{}, db.explain(err)
	}
	a, err := db.Account(ctx, k.Account)
	return k, a, err
}

// KeyCaller returns whom the key with this fingerprint speaks for.
func (db *DB) KeyCaller(ctx context.Context, fingerprint string) (platform.Caller, error) {
	k, err := one(ctx, db.reader, scanKey, "key", fingerprint, keyColumns+"WHERE k.fingerprint = $1", fingerprint)
	if err != nil {
		return platform.Caller{}, db.explain(err)
	}
	return db.caller(ctx, k.Member, k.ID, k.Name)
}

// parseKey reads one line of authorized_keys and refuses what csph could not use as it is meant.
func parseKey(line string) (platform.Key, error) {
	line = strings.TrimSpace(line)
	if err := checkKeyText(line); err != nil {
		return platform.Key{}, err
	}
	key, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return platform.Key{}, fmt.Errorf("%w: this is not an SSH public key; give the content of a .pub file, such as ~/.ssh/id_ed25519.pub", platform.ErrInvalid)
	}
	if len(options) > 0 {
		return platform.Key{}, fmt.Errorf("%w: options before the key (%s) have no meaning here; remove them", platform.ErrInvalid, strings.Join(options, ","))
	}
	if err := checkKey(key); err != nil {
		return platform.Key{}, err
	}
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	return platform.Key{Name: comment, Public: public, Fingerprint: ssh.FingerprintSHA256(key)}, nil
}

func checkKeyText(line string) error {
	switch {
	case line == "":
		return fmt.Errorf("%w: the key is empty; give the content of a .pub file, such as ~/.ssh/id_ed25519.pub", platform.ErrInvalid)
	case strings.Contains(line, "PRIVATE KEY"):
		return fmt.Errorf("%w: this is a private key, which must never leave your machine; give the .pub file beside it", platform.ErrInvalid)
	case strings.ContainsAny(line, "\r\n"):
		return fmt.Errorf("%w: this is more than one line; add one key at a time", platform.ErrInvalid)
	case len(line) > keyLimit:
		return fmt.Errorf("%w: a line of %d bytes is no SSH public key", platform.ErrInvalid, len(line))
	}
	return nil
}

// checkKey refuses kinds of keys that are broken or not meant for users.
func checkKey(key ssh.PublicKey) error {
	if _, ok := key.(*ssh.Certificate); ok {
		return fmt.Errorf("%w: this is a certificate; give the public key it was made from", platform.ErrInvalid)
	}
	if key.Type() == "ssh-dss" {
		return fmt.Errorf("%w: DSA keys are broken; make a new one with ssh-keygen -t ed25519", platform.ErrInvalid)
	}
	if k, ok := key.(ssh.CryptoPublicKey); ok {
		if r, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < rsaMin {
			return fmt.Errorf("%w: an RSA key of %d bits is too weak; make a new one with ssh-keygen -t ed25519", platform.ErrInvalid, r.N.BitLen())
		}
	}
	return nil
}
