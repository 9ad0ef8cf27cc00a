package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys remembers the key that each host has shown first, in a file as OpenSSH's known_hosts, and refuses
// another one from then on. An operator may put lines in beforehand.
type hostKeys struct {
	path string
	mu   sync.Mutex
}

// algorithms are those of the keys that a host is known by; nil when it is not known.
func (k *hostKeys) algorithms(host string) ([]string, error) {
	known, err := k.known(host)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, key := range known {
		if t := key.Type(); t == ssh.KeyAlgoRSA {
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			all = append(all, t)
		}
	}
	return all, nil
}

// known lists the keys that a host (with port) is known by.
func (k *hostKeys) known(host string) ([]ssh.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	text, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	want := knownhosts.Normalize(host)
	var keys []ssh.PublicKey
	for len(text) > 0 {
		_, hosts, key, _, rest, err := ssh.ParseKnownHosts(text)
		if err != nil {
			break // io.EOF, or a line that is none
		}
		text = rest
		for _, h := range hosts {
			if h == want {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// check is the ssh.HostKeyCallback for host, by which the address is known to the user.
func (k *hostKeys) check(host string) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, key ssh.PublicKey) error {
		known, err := k.known(host)
		if err != nil {
			return err
		}
		for _, one := range known {
			if bytes.Equal(one.Marshal(), key.Marshal()) {
				return nil
			}
		}
		if len(known) > 0 {
			return &HostKeyError{Host: host, Known: ssh.FingerprintSHA256(known[0]), Shown: ssh.FingerprintSHA256(key)}
		}
		return k.remember(host, key)
	}
}

// remember adds a line, durably.
func (k *hostKeys) remember(host string, key ssh.PublicKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return fmt.Errorf("remember the key of %s: %w", host, err)
	}
	f, err := os.OpenFile(k.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("remember the key of %s: %w", host, err)
	}
	_, err = f.WriteString(knownhosts.Line([]string{knownhosts.Normalize(host)}, key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("remember the key of %s: %w", host, err)
	}
	return nil
}
