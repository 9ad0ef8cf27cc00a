package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csph/source"
	"csph/platform"
)

// gitTimeout bounds one command of git.
const gitTimeout = 30 * time.Second

func (a *app) initCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "init [SERVICE]", Short: "Make the current git repository ready for git push csph", Args: atMost(1),
		Long: `Make the current git repository ready for git push csph: add the git remote csph, add your SSH key to the server,
and create the service. What is there already stays as it is; csph init can be run again.`,
		Example: "  csph init\n  csph init web --key ~/.ssh/id_ed25519.pub\n  git push csph main",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			ctx := cmd.Context()
			name, err := named(ctx, "", args)
			if err != nil {
				return err
			}
			svc, err := a.ensureService(ctx, c, name)
			if err != nil {
				return err
			}
			to, err := a.pushURL(ctx, c, svc)
			if err != nil {
				return err
			}
			if err := a.ensureRemote(ctx, to); err != nil {
				return err
			}
			if err := a.ensureKey(ctx, c, key); err != nil {
				return err
			}
			out := map[string]string{"service": svc.ID, "remote": to}
			return a.show(out, func() error { return a.printf("Ready. Deploy with: git push %s main\n", remote) })
		}),
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key to add (default: the first of ~/.ssh/id_*.pub)")
	return cmd
}

// pushURL is where a service is pushed to: the host of the API, at its port for git.
func (a *app) pushURL(ctx context.Context, c *client.Client, svc wire.ServiceView) (string, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return "", err
	}
	project, err := c.Project(ctx, svc.Project)
	if err != nil {
		return "", err
	}
	path := svc.Name
	switch {
	case project.Name != platform.DefaultProject:
		path = project.Name + "/" + svc.EnvName + "/" + svc.Name
	case svc.EnvName != platform.DefaultEnvironment:
		path = svc.EnvName + "/" + svc.Name
	}
	return gitURL(c.Base(), status.GitPort, path)
}

// gitURL is where a service is pushed to, at the host of the API.
func gitURL(api string, port int, path string) (string, error) {
	at, err := url.Parse(api)
	if err != nil {
		return "", fmt.Errorf("read the server's URL: %w", err)
	}
	return "ssh://git@" + net.JoinHostPort(at.Hostname(), strconv.Itoa(port)) + "/" + path, nil
}

// ensureRemote adds the git remote. One that leads elsewhere is left, and said.
func (a *app) ensureRemote(ctx context.Context, to string) error {
	switch have := source.Remote(ctx, ".", remote); have {
	case to:
		return nil
	case "":
		if err := git(ctx, "remote", "add", remote, to); err != nil {
			return fmt.Errorf("add the git remote %s: %w. Is this a git repository? Make it one with: git init", remote, err)
		}
		a.note("Added the git remote %s: %s", remote, to)
		return nil
	default:
		return fmt.Errorf("the git remote %s leads to %s, not to %s; change it with: git remote set-url %s %s", remote, have, to, remote, to)
	}
}

func git(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// ensureKey adds a public key that the server does not know yet.
func (a *app) ensureKey(ctx context.Context, c *client.Client, path string) error {
	if path == "" {
		found, err := filepath.Glob(filepath.Join(a.env("HOME"), ".ssh", "id_*.pub"))
		if err != nil {
			return fmt.Errorf("look for keys: %w", err)
		}
		if len(found) == 0 {
			a.note("There is no SSH key in ~/.ssh. Make one with ssh-keygen -t ed25519, then run csph init again.")
			return nil
		}
		path = found[0]
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Errorf("there is no key %s", path)}
	}
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	k, err := c.AddKey(ctx, wire.NewKey{Public: string(text)})
	if errors.Is(err, platform.ErrConflict) {
		return nil // it is known
	}
	if err != nil {
		return err
	}
	a.note("Added the SSH key %s (%s)", k.Name, k.Fingerprint)
	return nil
}
