package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"csph/api/wire"
	"csph/platform"
)

func (a *app) servicesEnv() *cobra.Command {
	cmd := &cobra.Command{Use: "env [SERVICE]", Example: "  csph services env web", Short: "Show a service's variables", Args: atMost(1)}
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		env := svc.Config.Env
		if env == nil {
			env = map[string]string{}
		}
		return a.show(env, func() error {
			for _, name := range slices.Sorted(maps.Keys(env)) {
				if err := a.printf("%s=%s\n", name, env[name]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return cmd
}

func (a *app) servicesSetEnv() *cobra.Command {
	return a.configure(&cobra.Command{
		Use: "set-env [SERVICE] NAME=VALUE…", Short: "Set variables",
		Example: "  csph services set-env LOG_LEVEL=debug --service web",
	}, func(_ *cobra.Command, args []string) (service []string, c wire.ConfigChange, err error) {
		if len(args) > 0 && !strings.Contains(args[0], "=") {
			service, args = args[:1], args[1:]
		}
		if len(args) == 0 {
			return nil, c, usageError{fmt.Errorf("csph services set-env wants NAME=VALUE")}
		}
		c.SetEnv, err = assignments(args)
		return service, c, err
	})
}

func (a *app) servicesUnsetEnv() *cobra.Command {
	return a.configure(&cobra.Command{
		Use: "unset-env NAME…", Short: "Remove variables",
		Example: "  csph services unset-env LOG_LEVEL --service web",
	}, func(_ *cobra.Command, args []string) ([]string, wire.ConfigChange, error) {
		if len(args) == 0 {
			return nil, wire.ConfigChange{}, usageError{fmt.Errorf("csph services unset-env wants the name of a variable")}
		}
		return nil, wire.ConfigChange{UnsetEnv: args}, nil
	})
}

func (a *app) servicesScale() *cobra.Command {
	var f configFlags
	cmd := a.configure(&cobra.Command{
		Use: "scale [SERVICE] --count N --shape S", Short: "Change count and shape",
		Example: "  csph services scale web --count 3",
	}, func(cmd *cobra.Command, args []string) ([]string, wire.ConfigChange, error) {
		c, err := f.change(cmd)
		if err == nil && c.Count == nil && c.Shape == nil {
			err = usageError{fmt.Errorf("csph services scale wants --count, --shape, or both")}
		}
		return args, c, err
	})
	f.addScale(cmd)
	return cmd
}

func (a *app) servicesConfigure() *cobra.Command {
	var f configFlags
	cmd := a.configure(&cobra.Command{
		Use: "configure [SERVICE]", Short: "Change port, folder, build and run commands",
		Example: "  csph services configure web --port 3000",
	}, func(cmd *cobra.Command, args []string) ([]string, wire.ConfigChange, error) {
		c, err := f.change(cmd)
		return args, c, err
	})
	f.add(cmd)
	return cmd
}

func (a *app) servicesRestart() *cobra.Command {
	var wait waitFlags
	cmd := &cobra.Command{Use: "restart [SERVICE]", Example: "  csph services restart web", Short: "Replace all spherelets by new ones, without a build", Args: atMost(1)}
	flag := serviceFlag(cmd)
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		return a.await(cmd.Context(), c, wait, func(ctx context.Context) (platform.Deployment, error) { return c.Restart(ctx, svc.ID) })
	}
	return cmd
}

// configure is a command that changes a service's config, as read says, and watches the rollout.
func (a *app) configure(cmd *cobra.Command, read func(*cobra.Command, []string) (service []string, c wire.ConfigChange, err error)) *cobra.Command {
	var wait waitFlags
	flag := serviceFlag(cmd)
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		service, change, err := read(cmd, args)
		if err != nil {
			return err
		}
		c, svc, err := a.found(cmd.Context(), *flag, service)
		if err != nil {
			return err
		}
		out, err := c.Configure(cmd.Context(), svc.ID, change)
		if err != nil {
			return err
		}
		return a.follow(cmd, c, wait, out)
	}
	return cmd
}
