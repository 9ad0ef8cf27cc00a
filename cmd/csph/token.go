package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
)

func (a *app) tokenCommand() *cobra.Command {
	return group("token", "tokens", "API tokens", `API tokens. A token can do what its member can, or less: only read, only some projects, only for a time. Its secret is
shown when it is made, and never again.`,
		a.tokenCreate(),
		listing(a, "List tokens: your own; as an admin, everybody's", "  csph token list", "ID\tNAME\tMEMBER\tCAN\tPROJECTS\tLAST USED\tEXPIRES",
			func(cmd *cobra.Command, c *client.Client) ([]wire.TokenView, error) { return c.Tokens(cmd.Context()) },
			func(t wire.TokenView) []string {
				can := "what the member can"
				if t.ReadOnly {
					can = "read"
				}
				return []string{t.ID, t.Name, t.MemberName, can, limits(t.Projects), when(t.LastUsed), when(t.Expires)}
			}),
		a.removing("revoke TOKEN", "End a token, by id or name", "the id or name of a token", "  csph token revoke ci", "Revoked",
			func(cmd *cobra.Command, c *client.Client, ref string) error { return c.RevokeToken(cmd.Context(), ref) }),
	)
}

// limits are projects that something is limited to, in a table.
func limits(projects []string) string {
	if len(projects) == 0 {
		return "all"
	}
	return strings.Join(projects, ",")
}

func (a *app) tokenCreate() *cobra.Command {
	var n wire.NewToken
	var expires string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a token", Args: exactly(1, "a name for the token"),
		Long: "Make a token. Its secret is printed, alone on standard output, and never shown again.",
		Example: `  csph token create ci --project default --expires 90d
  CSPH_TOKEN=$(csph token create dashboard --read-only) csph services list`,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name = args[0]
			var err error
			if n.Expires, err = until(expires, time.Now()); err != nil {
				return err
			}
			made, err := c.CreateToken(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.secret(made, made.Secret, "Token %s (%s). This is the only time that it is shown:", made.Name, made.ID)
		}),
	}
	cmd.Flags().StringSliceVar(&n.Projects, "project", nil, "only this project; again for more")
	cmd.Flags().BoolVar(&n.ReadOnly, "read-only", false, "only to look")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: 12h, 90d, or a time like 2030-01-01T00:00:00Z (default: never)")
	cmd.Flags().StringVar(&n.Member, "member", "", "make a token of this member, as an admin (default: yourself)")
	return cmd
}

// secret shows something that is shown once: what it is on standard error, the secret itself on standard output.
func (a *app) secret(all any, secret, format string, args ...any) error {
	return a.show(all, func() error {
		a.note(format, args...)
		return a.printf("%s\n", secret)
	})
}

// until reads a time, or how far ahead one is.
func until(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if ahead, err := time.ParseDuration(text); err == nil && ahead > 0 {
		return now.Add(ahead), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError{fmt.Errorf("%s is neither a duration (12h, 90d) nor a time (2030-01-01T00:00:00Z)", text)}
	}
	return at, nil
}
