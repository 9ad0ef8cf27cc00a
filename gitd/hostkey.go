package gitd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	gossh "golang.org/x/crypto/ssh"

	"csph/durable"
)

// hostKey reads the host key at path, making it when there is none: once made it stays, since every
// client remembers it.
func hostKey(path string) (gossh.Signer, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		content, err = makeHostKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open host key: %w", err)
	}
	signer, err := gossh.ParsePrivateKey(content)
	if err != nil {
		return nil, fmt.Errorf("read host key %s: %w", path, err)
	}
	return signer, nil
}

func makeHostKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := gossh.MarshalPrivateKey(key, "csph")
	if err != nil {
		return nil, err
	}
	content := pem.EncodeToMemory(block)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return content, durable.Replace(path, content, 0o600)
}
