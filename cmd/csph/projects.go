package main

import (
	"context"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/platform"
)

func (a *app) projectsCommand() *cobra.Command {
	return group("projects", "project", "Projects, which group what ships together", "",
		listing(a, "List projects", "  csph projects list", "ID\tNAME\tCREATED",
			func(cmd *cobra.Command, c *client.Client) ([]platform.Project, error) {
				return c.Projects(cmd.Context())
			},
			func(p platform.Project) []string { return []string{p.ID, p.Name, when(p.Created)} }),
		a.projectsGet(), a.projectsCreate(), a.projectsDelete(),
	)
}

func (a *app) projectsGet() *cobra.Command {
	return &cobra.Command{
		Use: "get PROJECT", Short: "Show a project and its environments", Args: exactly(1, "the id or name of a project"), Example: "  csph projects get shop",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := c.Project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			envs, err := c.Environments(cmd.Context(), p.ID)
			if err != nil {
				return err
			}
			out := struct {
				platform.Project
				Environments []platform.Environment `json:"environments"`
			}{p, envs}
			return a.show(out, func() error {
				rows := [][]string{{"Name", p.Name}, {"Created", when(p.Created)}}
				for _, e := range envs {
					rows = append(rows, []string{"Environment", e.Name})
				}
				return a.table("ID\t"+p.ID, rows)
			})
		}),
	}
}

func (a *app) projectsCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create NAME", Short: "Create a project, with the environment production", Args: exactly(1, "a name for the project"), Example: "  csph projects create shop",
		RunE: showing(a, (*client.Client).CreateProject, func(p platform.Project) error { return a.printf("Created %s (%s)\n", p.Name, p.ID) }),
	}
}

func (a *app) projectsDelete() *cobra.Command {
	var force bool
	cmd := a.deleting("delete PROJECT", "Delete a project and its environments", "the id or name of a project", "  csph projects delete shop --yes",
		"this deletes project %s with its environments for good",
		func(c *client.Client, ctx context.Context, ref string) error { return c.DeleteProject(ctx, ref, force) })
	forceFlag(cmd, &force)
	return cmd
}

func forceFlag(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "stop and delete its services too")
}
