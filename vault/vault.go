package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"filippo.io/age"

	"csph/durable"
)

// Vault encrypts and decrypts. It is safe for concurrent use.
type Vault struct {
	path string

	mu   sync.RWMutex
	keys []*age.X25519Identity // the first encrypts
}

const openMode = 0o077 // bits that must not be set: others than the owner

// Open reads the key file at path, or makes it with a new key where there is none. It fails when others than
// the owner can read the file, and when it holds anything but keys.
func Open(path string) (*Vault, error) {
	v := &Vault{path: path}
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return v, v.Add()
	}
	if err != nil {
		return nil, fmt.Errorf("open the key of secrets: %w", err)
	}
	if v.keys, err = parse(text); err != nil {
		return nil, fmt.Errorf("open the key of secrets %s: %w", path, err)
	}
	return v, nil
}

func readPrivate(path string) (string, error) {
	at, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if at.Mode().Perm()&openMode != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %v); make it yours alone: chmod 600 %s", path, at.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// parse reads keys, one a line. The text itself is never part of an error.
func parse(text string) ([]*age.X25519Identity, error) {
	var keys []*age.X25519Identity
	for n, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := age.ParseX25519Identity(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is no key; restore the file from a backup", n+1)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it; restore the file from a backup")
	}
	return keys, nil
}

// Add makes a new key, which encrypts from now on; those before it still decrypt. It is durable when Add returns.
func (v *Vault) Add() error {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("make a key for secrets: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keep(append([]*age.X25519Identity{key}, v.keys...))
}

// Retire forgets all keys but the newest. What only they decrypt is lost.
func (v *Vault) Retire() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keep(v.keys[:1])
}

// keep replaces the file, then the keys. v.mu is held.
func (v *Vault) keep(keys []*age.X25519Identity) error {
	var text strings.Builder
	for _, key := range keys {
		fmt.Fprintln(&text, key)
	}
	if err := durable.Replace(v.path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write the key of secrets: %w", err)
	}
	v.keys = keys
	return nil
}

// Seal encrypts plain with the newest key. Equal texts come out different.
func (v *Vault) Seal(plain []byte) ([]byte, error) {
	v.mu.RLock()
	to := v.keys[0].Recipient()
	v.mu.RUnlock()
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last block
		return nil, err
	}
	return sealed.Bytes(), nil
}

// Unseal decrypts what any of the keys has encrypted. What was changed since is an error.
func (v *Vault) Unseal(sealed []byte) ([]byte, error) {
	v.mu.RLock()
	var with []age.Identity
	for _, key := range v.keys {
		with = append(with, key)
	}
	v.mu.RUnlock()
	r, err := age.Decrypt(bytes.NewReader(sealed), with...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, fmt.Errorf("it was encrypted with another key than those in %s; restore that file from a backup", v.path)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
