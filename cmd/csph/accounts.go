package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) accountsCommand() *cobra.Command {
	return group("accounts", "account", "Accounts of the server, for its operators", `Accounts of the server, for the admins of its first one. Accounts know nothing of each other.`,
		listing(a, "List accounts", "  csph accounts list", "ID\tNAME\tSPHERELETS\tVCPU\tMEMORY MB\tBUILDS\tDISK MB\tCREATED",
			func(cmd *cobra.Command, c *client.Client) ([]platform.Account, error) {
				return c.Accounts(cmd.Context())
			},
			func(acc platform.Account) []string {
				q := acc.Quota
				return []string{acc.ID, acc.Name, bound(int64(q.Spherelets)), vcpus(q.MilliCPU), bound(q.MemoryMB), bound(int64(q.Builds)), bound(q.DiskMB), when(acc.Created)}
			}),
		a.accountsCreate(), a.accountsSetQuota(),
	)
}

// bound is a figure of a quota in a table.
func bound(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func vcpus(milli int64) string {
	if milli == 0 {
		return "-"
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

func quotaFlags(cmd *cobra.Command, q *platform.Quota) {
	cmd.Flags().IntVar(&q.Spherelets, "spherelets", 0, "how many spherelets at once (0: no bound)")
	cmd.Flags().Int64Var(&q.MilliCPU, "milli-cpu", 0, "thousandths of a vCPU at once (0: no bound)")
	cmd.Flags().Int64Var(&q.MemoryMB, "memory-mb", 0, "memory at once (0: no bound)")
	cmd.Flags().IntVar(&q.Builds, "builds", 0, "deployments queued or building at once (0: no bound)")
	cmd.Flags().Int64Var(&q.DiskMB, "disk-mb", 0, "images that can be restored, volumes and their snapshots (0: no bound)")
}

func (a *app) accountsCreate() *cobra.Command {
	var n wire.NewAccount
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create an account with a first admin, and print that one's token", Args: exactly(1, "a name for the account"),
		Example: "  csph accounts create acme --spherelets 20 --memory-mb 16384",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name = args[0]
			made, err := c.CreateAccount(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.secret(made, made.Secret, "Created %s (%s). This is the token of its first admin, shown only now:", made.Name, made.ID)
		}),
	}
	quotaFlags(cmd, &n.Quota)
	return cmd
}

func (a *app) accountsSetQuota() *cobra.Command {
	var q platform.Quota
	cmd := &cobra.Command{
		Use: "set-quota ACCOUNT", Short: "Replace an account's quota; what is not given is not bounded", Args: exactly(1, "the id or name of an account"),
		Example: "  csph accounts set-quota acme --spherelets 40",
		RunE: showing(a, func(c *client.Client, ctx context.Context, ref string) (platform.Account, error) {
			return c.SetQuota(ctx, ref, q)
		},
			func(acc platform.Account) error { return a.printf("%s has a new quota\n", acc.Name) }),
	}
	quotaFlags(cmd, &q)
	return cmd
}
