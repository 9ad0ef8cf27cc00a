package gitd

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"csph/gitd/bare"
	"csph/gitd/remote"
)

// Config is what a Server can be told. Zero values take the defaults.
type Config struct {
	Dir  string // the state folder; ssh/, repos/ and sources/ in it are the server's
	Addr string // to listen on; default ":2222"

	// Git is the git program; default: the one in PATH. Without one, or with NoGit, go-git does the work.
	Git   string
	NoGit bool

	Limits bare.Limits

	// Refused is told of pushes that the key's rights do not allow, with the client's address, and of clients none of whose keys
	// are known: platform.ErrUnauthorized, without an identity and a path. Nil: nobody is. It must be quick.
	Refused func(ctx context.Context, id Identity, address, path string, why error)

	// Files serves the files of services by SFTP; nil: nobody does.
	Files Files

	// Remote says which repositories elsewhere may be fetched from; the file of known hosts is the server's own.
	Remote remote.Config

	Handshake  time.Duration // from connecting to being authenticated; default 20 s
	Idle       time.Duration // without a session; default 2 min
	KeepAlive  time.Duration // between questions to the client whether it is there; default 15 s
	Receive    time.Duration // for receiving and checking a push; default 1 h
	Progress   time.Duration // between signs of life in a quiet push; default 5 s
	PerAddress int           // connections from one address (IPv6: one /64); default 32
	Total      int           // connections; default 256
	Housekeep  time.Duration // for tidying one repository; default 15 min
}

func (c *Config) setDefaults() error {
	if c.Dir == "" {
		return errors.New("configure gitd: the state folder is not set")
	}
	if c.Addr == "" {
		c.Addr = ":2222"
	}
	for value, standard := range map[*time.Duration]time.Duration{
		&c.Handshake: 20 * time.Second, &c.Idle: 2 * time.Minute, &c.KeepAlive: 15 * time.Second,
		&c.Receive: time.Hour, &c.Progress: 5 * time.Second, &c.Housekeep: 15 * time.Minute,
	} {
		if *value < 0 {
			return fmt.Errorf("configure gitd: negative duration %s", *value)
		}
		if *value == 0 {
			*value = standard
		}
	}
	for value, standard := range map[*int]int{&c.PerAddress: 32, &c.Total: 256} {
		if *value <= 0 {
			*value = standard
		}
	}
	if c.Remote.KnownHosts == "" {
		c.Remote.KnownHosts = filepath.Join(c.Dir, "ssh", "known_hosts")
	}
	return c.findGit()
}

func (c *Config) findGit() error {
	if c.NoGit {
		c.Git = ""
		return nil
	}
	name := c.Git
	if name == "" {
		name = "git"
	}
	path, err := exec.LookPath(name)
	if err != nil && c.Git != "" {
		return fmt.Errorf("configure gitd: find git: %w", err)
	}
	c.Git = path
	return nil
}
