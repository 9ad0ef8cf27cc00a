package main

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
)

func (a *app) diskCommand() *cobra.Command {
	return &cobra.Command{
		Use: "disk", Example: "  csph disk", Short: "What uses the server's disk", Args: atMost(0),
		Long: `What uses the server's disk, by service: images that are live or can be restored, package caches of builds,
the repository, the checked-out source and logs; and what all services share.

What nothing refers to is removed by itself. csph services clear-cache frees the caches of a service, and
csph services delete everything of it.`,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			d, err := c.Disk(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(d, func() error { return a.printDisk(d) })
		}),
	}
}

func (a *app) servicesClearCache() *cobra.Command {
	cmd := &cobra.Command{
		Use: "clear-cache [SERVICE]", Example: "  csph services clear-cache web", Short: "Drop what builds of a service have cached; the next deployment is built anew",
		Args: atMost(1),
	}
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		freed, err := c.ClearCache(cmd.Context(), svc.ID)
		if err != nil {
			return err
		}
		return a.show(freed, func() error { return a.printf("Freed %s MB\n", megabytes(freed.Bytes)) })
	}
	return cmd
}

func (a *app) printDisk(d wire.Disk) error {
	var rows [][]string
	for _, s := range d.Services {
		rows = append(rows, []string{
			cmp.Or(s.Name, s.ID, "(no service)"), strconv.Itoa(s.Images), megabytes(s.ImageBytes), megabytes(s.CacheBytes),
			megabytes(s.Repository), megabytes(s.Sources), megabytes(s.Logs), megabytes(s.Total),
		})
	}
	if err := a.table("SERVICE\tIMAGES\tIMAGE MB\tCACHE MB\tREPOSITORY MB\tSOURCE MB\tLOG MB\tTOTAL MB", rows); err != nil {
		return err
	}
	if err := a.printf("\n"); err != nil {
		return err
	}
	return a.table("SHARED\tMB", [][]string{
		{"base images", megabytes(d.BaseImages)}, {"archives of base images", megabytes(d.BaseArchives)},
		{"build cache", megabytes(d.BuildCache), "of " + megabytes(d.CacheBudget) + " at most"},
		{"volumes", megabytes(d.Volumes)}, {"snapshots", megabytes(d.Snapshots)}, {"database", megabytes(d.Database)},
		{"free", megabytes(d.Free), "below " + megabytes(d.MinFree) + " build caches are dropped"},
	})
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
