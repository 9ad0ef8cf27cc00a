package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"csph/api/client"
	"csph/api/wire"
)

func (a *app) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login [URL]", Short: "Keep a server and a token for later commands", Args: atMost(1),
		Long: `Keep a server and a token for later commands, in ~/.config/csph/config.yaml. The token is asked for on
a terminal, else read from standard input; the first one is in admin.token of the server's state folder.`,
		Example: "  csph login https://csph.example.com\n  csph login http://127.0.0.1:7070 < /var/lib/csph/admin.token",
		RunE: func(cmd *cobra.Command, args []string) error {
			kept, err := readSettings(a.settingsPath())
			if err != nil {
				return err
			}
			s := settings{URL: first(strings.Join(args, ""), a.url, a.env("CSPH_URL"), kept.URL, defaultURL)}
			if s.Token, err = a.askSecret("Token for " + s.URL); err != nil {
				return err
			}
			c, err := client.New(s.URL, s.Token, "csph/"+version)
			if err != nil {
				return usageError{err}
			}
			who, err := c.Whoami(cmd.Context())
			if err != nil {
				return err
			}
			if err := writeSettings(a.settingsPath(), s); err != nil {
				return err
			}
			return a.show(who, func() error { return a.printf("Logged in at %s as %s, token %s\n", s.URL, who.Account.Name, who.Token) })
		},
	}
}

// askSecret reads one line, unseen, from a terminal, or from standard input.
func (a *app) askSecret(what string) (string, error) {
	if f, ok := a.in.(*os.File); ok && a.interactive() {
		fmt.Fprintf(a.err, "%s: ", what)
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.err)
		if err != nil {
			return "", fmt.Errorf("read from the terminal: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", usageError{fmt.Errorf("there is nothing on standard input")}
	}
	return line, nil
}

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Example: "  csph whoami", Short: "Show which account and token are in use", Args: atMost(0),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			who, err := c.Whoami(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(who, func() error {
				return a.describeWhoami(c.Base(), who)
			})
		}),
	}
}

func (a *app) describeWhoami(base string, who wire.Whoami) error {
	can := make([]string, len(who.Rights))
	for i, right := range who.Rights {
		can[i] = string(right)
	}
	return a.table("Server\t"+base, [][]string{
		{"Account", who.Account.Name + " (" + who.Account.ID + ")"}, {"Member", who.Member}, {"Role", string(who.Role)},
		{"Token", who.Token}, {"Projects", limits(who.Projects)}, {"May", strings.Join(can, ", ")},
	})
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Forget the server and the token that csph login has kept", Args: atMost(0),
		Long:    "Forget the server and the token that csph login has kept. The token itself goes on working: csph token revoke ends it.",
		Example: "  csph logout",
		RunE: func(*cobra.Command, []string) error {
			err := os.Remove(a.settingsPath())
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("forget the token: %w", err)
			}
			return a.show(map[string]bool{"logged_in": false}, func() error { return a.printf("Logged out\n") })
		},
	}
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Example: "  csph status", Short: "Show how the server is", Args: atMost(0),
		Long: "Show how the server is. The exit status is 0 only when everything is up.",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.show(s, func() error { return a.describeStatus(c.Base(), s) }); err != nil {
				return err
			}
			if !s.Ready {
				return fmt.Errorf("not everything is up on the server; csphd doctor, run there, says why")
			}
			return nil
		}),
	}
}

func (a *app) describeStatus(base string, s wire.ServerStatus) error {
	to, err := gitURL(base, s.GitPort, "SERVICE")
	if err != nil {
		return err
	}
	rows := [][]string{
		{"Version", s.Version}, {"Started", when(s.Started)}, {"Apps", s.AppsURL}, {"Git push", to},
		{"Services", fmt.Sprintf("%d, %d live", s.Counts.Services, s.Counts.Live)},
		{"Spherelets", strconv.Itoa(s.Counts.Spherelets)},
	}
	for _, d := range s.Daemons {
		state := "up since " + when(d.Since)
		if !d.Up {
			state = "down"
		}
		if d.Restarts > 0 {
			state += fmt.Sprintf(", restarted %d times", d.Restarts)
		}
		if d.Error != "" {
			state += " (" + d.Error + ")"
		}
		rows = append(rows, []string{d.Name, state})
	}
	return a.table("Server\t"+base, rows)
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Show the version of csph", Args: atMost(0),
		Long:    "Show the version of csph. With --check, compare it with the server's: the exit status is 0 only when they are the same.",
		Example: "  csph version --check",
	}
	check := cmd.Flags().Bool("check", false, "compare with the server's version")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *check {
			return a.checkVersion(cmd)
		}
		return a.show(map[string]string{"version": version}, func() error { return a.printf("csph %s\n", version) })
	}
	return cmd
}

func (a *app) checkVersion(cmd *cobra.Command) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	s, err := c.Status(cmd.Context())
	if err != nil {
		return err
	}
	err = a.show(map[string]string{"version": version, "server": s.Version}, func() error { return a.printf("csph %s, server %s\n", version, s.Version) })
	if err == nil && s.Version != version {
		err = fmt.Errorf("csph is version %s, the server at %s is %s; use the csph that was released with the server", version, c.Base(), s.Version)
	}
	return err
}
