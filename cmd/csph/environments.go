package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) environmentsCommand() *cobra.Command {
	return group("environments", "env", "Environments, and the variables that services inherit from them", `Environments, and the variables that services inherit from them. Each service gets a change with its next
deployment; its own variables win over inherited ones. A name means one of project default; else write PROJECT/NAME.`,
		a.environmentsList(), a.environmentsGet(), a.environmentsCreate(), a.environmentsDelete(),
		a.environmentsSetEnv(), a.environmentsUnsetEnv(),
	)
}

func (a *app) environmentsList() *cobra.Command {
	var project string
	cmd := listing(a, "List environments", "  csph environments list --project shop", "ID\tNAME\tPROJECT\tVARIABLES\tCREATED",
		func(cmd *cobra.Command, c *client.Client) ([]platform.Environment, error) {
			return c.Environments(cmd.Context(), project)
		},
		func(e platform.Environment) []string {
			return []string{e.ID, e.Name, e.Project, fmt.Sprint(len(e.Env)), when(e.Created)}
		})
	cmd.Flags().StringVar(&project, "project", "", "only those of this project")
	return cmd
}

func (a *app) environmentsGet() *cobra.Command {
	return &cobra.Command{
		Use: "get ENVIRONMENT", Short: "Show an environment and its variables", Args: exactly(1, "the id or name of an environment"), Example: "  csph environments get staging",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			e, err := c.Environment(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.showEnvironment(e)
		}),
	}
}

func (a *app) showEnvironment(e platform.Environment) error {
	return a.show(e, func() error {
		rows := [][]string{{"Name", e.Name}, {"Project", e.Project}, {"Created", when(e.Created)}}
		for _, name := range slices.Sorted(maps.Keys(e.Env)) {
			rows = append(rows, []string{"Env", name + "=" + e.Env[name]})
		}
		return a.table("ID\t"+e.ID, rows)
	})
}

func (a *app) environmentsCreate() *cobra.Command {
	var env []string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create an environment", Args: exactly(1, "a name for the environment"), Example: "  csph environments create staging --env LOG_LEVEL=debug",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			n := wire.NewEnvironment{Name: args[0]}
			var err error
			if n.SetEnv, err = assignments(env); err != nil {
				return err
			}
			e, err := c.CreateEnvironment(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.show(e, func() error { return a.printf("Created %s (%s)\n", e.Name, e.ID) })
		}),
	}
	cmd.Flags().StringArrayVarP(&env, "env", "e", nil, "set a variable, K=V; again for more")
	return cmd
}

func (a *app) environmentsDelete() *cobra.Command {
	var force bool
	cmd := a.deleting("delete ENVIRONMENT", "Delete an environment", "the id or name of an environment", "  csph environments delete staging --yes --force",
		"this deletes environment %s for good",
		func(c *client.Client, ctx context.Context, ref string) error {
			return c.DeleteEnvironment(ctx, ref, force)
		})
	forceFlag(cmd, &force)
	return cmd
}

func (a *app) environmentsSetEnv() *cobra.Command {
	return a.changingEnvironment("set-env ENVIRONMENT NAME=VALUE…", "Set variables", "  csph environments set-env staging LOG_LEVEL=debug", func(args []string) (c wire.EnvChange, err error) {
		c.SetEnv, err = assignments(args)
		return c, err
	})
}

func (a *app) environmentsUnsetEnv() *cobra.Command {
	return a.changingEnvironment("unset-env ENVIRONMENT NAME…", "Remove variables", "  csph environments unset-env staging LOG_LEVEL", func(args []string) (wire.EnvChange, error) {
		return wire.EnvChange{UnsetEnv: args}, nil
	})
}

func (a *app) changingEnvironment(use, short, example string, read func([]string) (wire.EnvChange, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if len(args) < 2 {
				return usageError{fmt.Errorf("csph environments %s", strings.ReplaceAll(use, "…", "..."))}
			}
			change, err := read(args[1:])
			if err != nil {
				return err
			}
			e, err := c.ChangeEnvironment(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			a.note("Services get this with their next deployment; csph services restart makes one.")
			return a.showEnvironment(e)
		}),
	}
}
