package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csph/manifest"
	"csph/platform"
)

func (a *app) volumesCommand() *cobra.Command {
	return group("volumes", "volume", "Folders that outlive deployments", `Folders that outlive deployments, restarts and services.

A volume belongs to one service, at a path of choice. Shared storage belongs to any number of services, at /mnt/<name>.
Every spherelet of a service sees the same folder, and during a rollout so do the old ones and the new ones at once:
what can have one writer only, such as SQLite, wants count 1 and temporaryShutdown (zerops.yml).

A rollback leaves volumes as they are, and so does the deletion of a service. What an image has at the path is hidden.
The size is what counts against the account's disk quota; a volume that has more in it counts for that.`,
		a.volumesCreate(), a.volumesList(), a.volumesGet(), a.volumesAttach(), a.volumesDetach(), a.volumesResize(), a.volumesDelete(),
		a.volumesSnapshot(), a.snapshotsCommand(), a.volumesRestore(),
	)
}

func (a *app) volumesCreate() *cobra.Command {
	var n wire.NewVolume
	var wait waitFlags
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a volume, and attach it to a service", Args: exactly(1, "a name for the volume"),
		Example: "  csph volumes create data --path /data --service web\n  csph volumes create media --shared",
	}
	service := serviceFlag(cmd)
	cmd.Flags().StringVar(&n.Path, "path", "", "attach it to the service, at this path")
	cmd.Flags().BoolVar(&n.Shared, "shared", false, "shared storage, which any number of services have at /mnt/<name>")
	cmd.Flags().Int64Var(&n.SizeMB, "size-mb", 0, "what it counts for against the disk quota (default 1024)")
	wait.add(cmd)
	cmd.RunE = a.asking(func(cmd *cobra.Command, c *client.Client, args []string) (err error) {
		n.Name = args[0]
		if n.Path != "" || *service != "" {
			if n.Service, err = named(cmd.Context(), *service, nil); err != nil {
				return err
			}
		}
		out, err := c.CreateVolume(cmd.Context(), n)
		if err != nil {
			return err
		}
		return a.rolledOut(cmd.Context(), c, wait, out.Deployments, out, "Created %s (%s), %s", out.Volume.Name, out.Volume.ID, whereabouts(out.Volume))
	})
	return cmd
}

// whereabouts says which services have a volume, and where.
func whereabouts(v platform.Volume) string {
	if len(v.Attached) == 0 {
		return "which no service has: csph volumes attach " + v.Name + " --service SERVICE"
	}
	var at []string
	for _, a := range v.Attached {
		at = append(at, a.ServiceName+" at "+a.Path)
	}
	return strings.Join(at, ", ")
}

// rolledOut watches deployments on standard error until they are live, then shows v, or as text what format says.
func (a *app) rolledOut(ctx context.Context, c *client.Client, wait waitFlags, all []platform.Deployment, v any, format string, args ...any) error {
	quiet := *a
	quiet.out, quiet.format = a.err, "table"
	for _, d := range all {
		if err := quiet.await(ctx, c, wait, func(context.Context) (platform.Deployment, error) { return d, nil }); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return a.show(v, func() error { return a.printf(format+"\n", args...) })
}

const volumeHeading = "NAME\tID\tSIZE MB\tIN IT MB\tKIND\tATTACHED"

func (a *app) volumesList() *cobra.Command {
	return listingIn(a, "List volumes", "  csph volumes list\n  csph volumes list --service web",
		"There is no volume yet. Make one with: csph volumes create data --service SERVICE --path /data",
		volumeHeading, (*client.Client).Volumes, volumeRow)
}

func volumeRow(v platform.Volume) []string {
	name, kind, attached := v.Name, "volume", "-"
	if v.EnvName != platform.DefaultEnvironment {
		name = v.EnvName + "/" + name
	}
	if v.Shared {
		kind = "shared"
	}
	if len(v.Attached) > 0 {
		attached = whereabouts(v)
	}
	return []string{name, v.ID, fmt.Sprint(v.SizeMB), megabytes(v.UsedBytes), kind, attached}
}

func (a *app) volumesGet() *cobra.Command {
	return &cobra.Command{
		Use: "get VOLUME", Short: "Show a volume, with how much is in it now", Args: exactly(1, "a volume, by name or id"), Example: "  csph volumes get data",
		RunE: showing(a, (*client.Client).Volume, func(v platform.Volume) error { return a.table(volumeHeading, [][]string{volumeRow(v)}) }),
	}
}

func (a *app) volumesAttach() *cobra.Command {
	var path string
	cmd := a.mounting("attach VOLUME --path PATH", "Give a service a volume; what is live is rolled out again with it",
		"  csph volumes attach data --service web --path /data\n  csph volumes attach media --service web      # shared storage is at /mnt/media",
		func(ctx context.Context, c *client.Client, volume, service string) (out wire.VolumeChanged, says string, err error) {
			out, err = c.AttachVolume(ctx, volume, wire.NewAttachment{Service: service, Path: path})
			return out, "attached: " + whereabouts(out.Volume), err
		})
	cmd.Flags().StringVar(&path, "path", "", "where the service sees it")
	return cmd
}

func (a *app) volumesDetach() *cobra.Command {
	return a.mounting("detach VOLUME", "Take a volume from a service; what is in it stays", "  csph volumes detach data --service web",
		func(ctx context.Context, c *client.Client, volume, service string) (out wire.VolumeChanged, says string, err error) {
			out, err = c.DetachVolume(ctx, volume, wire.Detachment{Service: service})
			return out, "detached from " + service + ", and stays", err
		})
}

// mounting is a command that changes whether a service has a volume, and waits until that is rolled out; change also says what
// the volume is then.
func (a *app) mounting(use, short, example string, change func(ctx context.Context, c *client.Client, volume, service string) (out wire.VolumeChanged, says string, err error)) *cobra.Command {
	var wait waitFlags
	cmd := &cobra.Command{Use: use, Short: short, Args: exactly(1, "a volume, by name or id"), Example: example}
	flag := serviceFlag(cmd)
	wait.add(cmd)
	cmd.RunE = a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
		service, err := named(cmd.Context(), *flag, nil)
		if err != nil {
			return err
		}
		out, says, err := change(cmd.Context(), c, args[0], service)
		if err != nil {
			return err
		}
		return a.rolledOut(cmd.Context(), c, wait, out.Deployments, out, "%s is %s", out.Volume.Name, says)
	})
	return cmd
}

func (a *app) volumesResize() *cobra.Command {
	var r wire.VolumeResize
	cmd := &cobra.Command{
		Use: "resize VOLUME --size-mb N", Short: "Change what a volume counts for against the disk quota", Args: exactly(1, "a volume, by name or id"),
		Example: "  csph volumes resize data --size-mb 4096",
		RunE: showing(a, func(c *client.Client, ctx context.Context, ref string) (platform.Volume, error) {
			return c.ResizeVolume(ctx, ref, r)
		},
			func(v platform.Volume) error { return a.printf("%s counts for %d MB\n", v.Name, v.SizeMB) }),
	}
	cmd.Flags().Int64Var(&r.SizeMB, "size-mb", 0, "the new size")
	return cmd
}

func (a *app) volumesDelete() *cobra.Command {
	return a.deleting("delete VOLUME", "Delete a volume that no service has, with its snapshots", "a volume, by name or id", "  csph volumes delete old-data --yes",
		"this deletes everything in %s, and its snapshots, for good", (*client.Client).DeleteVolume)
}

// makeVolume attaches a volume as a file says; one that is not there is made.
func (a *app) makeVolume(ctx context.Context, c *client.Client, f *applyFlags, change manifest.Change) error {
	v := change.Volume
	out, err := c.AttachVolume(ctx, change.Name, wire.NewAttachment{Service: change.Service, Path: v.Path})
	if errors.Is(err, platform.ErrNotFound) {
		out, err = c.CreateVolume(ctx, wire.NewVolume{Name: change.Name, SizeMB: v.SizeMB, Shared: v.Shared, Service: change.Service, Path: v.Path})
	}
	for _, d := range out.Deployments {
		if err == nil {
			err = a.settle(ctx, c, f, func() (platform.Deployment, error) { return d, nil })
		}
	}
	return err
}

// volumesOf are the volumes of a service, as a file has them.
func volumesOf(service string, all []platform.Volume) (of []manifest.Volume) {
	for _, v := range all {
		for _, at := range v.Attached {
			if at.Service != service {
				continue
			}
			written := manifest.Volume{Name: v.Name, Path: at.Path, Shared: v.Shared, SizeMB: v.SizeMB}
			if v.Shared {
				written.Path = "" // it follows from the name
			}
			of = append(of, written)
		}
	}
	return of
}
