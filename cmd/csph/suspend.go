package main

import (
	"context"

	"github.com/spf13/cobra"

	"csph/platform"
)

func (a *app) servicesSuspend() *cobra.Command {
	cmd := &cobra.Command{
		Use: "suspend [SERVICE]", Short: "Stop a service's spherelets and keep everything else", Args: atMost(1),
		Long: `Stop a service's spherelets and keep everything else. Requests are answered with 503 until csph services resume, or
any other deployment, brings it back. Configuration that is changed meanwhile counts from then on.`,
		Example: "  csph services suspend web",
	}
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		after, err := c.Suspend(cmd.Context(), svc.ID)
		if err != nil {
			return err
		}
		return a.show(after, func() error {
			return a.printf("%s is suspended. Bring it back with: csph services resume %s\n", svc.Name, svc.Name)
		})
	}
	return cmd
}

func (a *app) servicesResume() *cobra.Command {
	var wait waitFlags
	cmd := &cobra.Command{Use: "resume [SERVICE]", Short: "Start a suspended service again", Args: atMost(1), Example: "  csph services resume web"}
	flag := serviceFlag(cmd)
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		return a.await(cmd.Context(), c, wait, func(ctx context.Context) (platform.Deployment, error) { return c.Resume(ctx, svc.ID) })
	}
	return cmd
}
