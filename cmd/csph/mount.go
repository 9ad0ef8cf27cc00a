package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
)

// mounted is a service whose files are a folder here.
type mounted struct {
	Service string   `json:"service"`
	Dir     string   `json:"dir"`
	Command []string `json:"command"`
}

func (a *app) mountCommand() *cobra.Command {
	var unmount, identity string
	cmd := &cobra.Command{
		Use: "mount SERVICE DIR", Short: "Have the files of what is live in a folder here, by sshfs",
		Long: `Have the files of what is live in a folder here, by sshfs: the folder that the app runs in, which is /var/www for sources
with a zerops.yml. It is read and written as the app's user, by one of its spherelets, and takes the SSH key that git push takes.

After a deployment the folder is that of the new version, by itself. What was written into the old one has gone with it,
but for what is in volumes.`,
		Example: "  csph mount web ./web-files\n  csph mount --unmount ./web-files",
		RunE: func(cmd *cobra.Command, args []string) error {
			if unmount != "" {
				if len(args) > 0 {
					return usageError{errors.New("csph mount --unmount wants nothing but a folder")}
				}
				return a.unmount(cmd.Context(), unmount)
			}
			if len(args) != 2 {
				return usageError{errors.New("csph mount wants a service and an empty folder")}
			}
			c, svc, err := a.found(cmd.Context(), "", args[:1])
			if err != nil {
				return err
			}
			return a.mount(cmd.Context(), c, svc, args[1], identity)
		},
	}
	cmd.Flags().StringVar(&unmount, "unmount", "", "take the folder away again")
	cmd.Flags().StringVarP(&identity, "identity", "i", "", "file of the SSH key (default: as ssh does)")
	return cmd
}

// mount runs sshfs, which stays in the background.
func (a *app) mount(ctx context.Context, c *client.Client, svc wire.ServiceView, dir, identity string) error {
	host, port, err := a.gitHost(ctx, c)
	if err != nil {
		return err
	}
	program, err := exec.LookPath("sshfs")
	if err != nil {
		return fmt.Errorf("sshfs is not installed here. Install it (Debian, Ubuntu: apt install sshfs; Fedora: dnf install fuse-sshfs; macOS: macFUSE and sshfs from macfuse.github.io) and repeat this; or look at the files with: sftp -P %d %s@%s", port, svc.ID, host)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	if identity != "" {
		if identity, err = filepath.Abs(identity); err != nil {
			return fmt.Errorf("find the key: %w", err)
		}
	}
	m := mounted{Service: svc.ID, Dir: dir, Command: append([]string{program}, sshfsArgs(svc.ID, host, port, dir, identity)...)}
	run := exec.CommandContext(ctx, m.Command[0], m.Command[1:]...)
	run.Stdin, run.Stdout, run.Stderr = a.in, a.err, a.err // ssh may have questions
	if err := run.Run(); err != nil {
		return fmt.Errorf("sshfs: %w; its own words are above. csph keys list shows the keys that may log in", err)
	}
	return a.show(m, func() error {
		return a.printf("%s has the files of %s. Take them away with: csph mount --unmount %s\n", dir, svc.Name, dir)
	})
}

// sshfsArgs has sshfs connect anew, by itself, whenever the connection ends, as it does at each deployment.
func sshfsArgs(service, host string, port int, dir, identity string) []string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	args := []string{
		service + "@" + host + ":", dir, "-p", strconv.Itoa(port),
		"-o", "reconnect", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "idmap=user", "-o", "StrictHostKeyChecking=accept-new",
	}
	if identity != "" { // sshfs connects anew from another folder
		args = append(args, "-o", "IdentityFile="+identity, "-o", "IdentitiesOnly=yes")
	}
	return args
}

// gitHost is where git push and sftp go to: the host of the API, at its port for them.
func (a *app) gitHost(ctx context.Context, c *client.Client) (host string, port int, err error) {
	status, err := c.Status(ctx)
	if err != nil {
		return "", 0, err
	}
	at, err := url.Parse(c.Base())
	if err != nil {
		return "", 0, fmt.Errorf("read the server's URL: %w", err)
	}
	return at.Hostname(), status.GitPort, nil
}

// unmount asks whichever program this system has for it.
func (a *app) unmount(ctx context.Context, dir string) error {
	var failed []error
	for _, command := range [][]string{{"fusermount3", "-u", dir}, {"fusermount", "-u", dir}, {"umount", dir}} {
		program, err := exec.LookPath(command[0])
		if err != nil {
			continue
		}
		said, err := exec.CommandContext(ctx, program, command[1:]...).CombinedOutput()
		if err == nil {
			return a.show(map[string]string{"unmounted": dir}, func() error { return a.printf("%s is a plain folder again\n", dir) })
		}
		failed = append(failed, fmt.Errorf("%s: %w: %s", command[0], err, strings.TrimSpace(string(said))))
	}
	if len(failed) == 0 {
		return errors.New("neither fusermount3 nor umount is installed here")
	}
	return fmt.Errorf("unmount %s: %w", dir, errors.Join(failed...))
}
