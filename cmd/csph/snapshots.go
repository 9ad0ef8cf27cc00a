package main

import (
	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) volumesSnapshot() *cobra.Command {
	var n wire.NewSnapshot
	cmd := &cobra.Command{
		Use: "snapshot VOLUME", Short: "Keep what is in a volume", Args: exactly(1, "a volume, by name or id"),
		Long: `Keep what is in a volume. Everything that has the volume is frozen while it is copied, for five seconds at the most:
requests wait meanwhile. A copy that takes longer goes on while the volume is written to; it is then as the disk is after a power
cut, which databases recover from, and called inconsistent.`,
		Example: "  csph volumes snapshot data --note 'before the migration'",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := c.CreateSnapshot(cmd.Context(), args[0], n)
			if err != nil {
				return err
			}
			if !s.Consistent {
				a.note("The volume was written to while it was copied: the snapshot is as after a power cut.")
			}
			return a.show(s, func() error {
				return a.printf("%s keeps %s MB. Restore it with: csph volumes restore %s\n", s.ID, megabytes(s.Bytes), s.ID)
			})
		}),
	}
	cmd.Flags().StringVar(&n.Note, "note", "", "what it is for")
	return cmd
}

func (a *app) snapshotsCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list VOLUME", Short: "List a volume's snapshots, newest first", Args: exactly(1, "a volume, by name or id"), Example: "  csph volumes snapshots list data",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			all, err := c.Snapshots(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return listed(a, all, "ID\tTAKEN\tMB\tCONSISTENT\tNOTE", snapshotRow)
		}),
	}
	remove := a.deleting("delete SNAPSHOT", "Delete a snapshot", "the id of a snapshot", "  csph volumes snapshots delete SNAPSHOT --yes",
		"this deletes %s for good", (*client.Client).DeleteSnapshot)
	return group("snapshots", "", "What was in volumes", "What was in volumes: csph volumes snapshot takes one, csph volumes restore brings it back.", list, remove)
}

func snapshotRow(s platform.Snapshot) []string {
	consistent := "yes"
	if !s.Consistent {
		consistent = "as after a power cut"
	}
	return []string{s.ID, when(s.Created), megabytes(s.Bytes), consistent, s.Note}
}

func (a *app) volumesRestore() *cobra.Command {
	var r wire.Restore
	var wait waitFlags
	cmd := &cobra.Command{
		Use: "restore SNAPSHOT", Short: "Give a volume what is in a snapshot of it", Args: exactly(1, "the id of a snapshot"),
		Long: `Give a volume what is in a snapshot of it, and roll out the services that have it. What was in the volume is kept as another
snapshot, which also gets what the old spherelets write until they have stopped: nothing is lost. With --as the snapshot
becomes a new volume, and everything else stays as it is.`,
		Example: "  csph volumes restore SNAPSHOT\n  csph volumes restore SNAPSHOT --as staging/data",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			out, err := c.RestoreSnapshot(cmd.Context(), args[0], r)
			if err != nil {
				return err
			}
			if out.Before != nil {
				a.note("What was in %s is kept as %s.", out.Volume.Name, out.Before.ID)
			}
			return a.rolledOut(cmd.Context(), c, wait, out.Deployments, out, "%s is as %s has it", out.Volume.Name, args[0])
		}),
	}
	cmd.Flags().StringVar(&r.As, "as", "", "make a new volume of this name instead: name, env/name or project/env/name")
	cmd.Flags().Int64Var(&r.SizeMB, "size-mb", 0, "size of the new volume (default: that of the old one)")
	cmd.Flags().BoolVar(&r.Shared, "shared", false, "the new volume is shared storage")
	wait.add(cmd)
	return cmd
}
