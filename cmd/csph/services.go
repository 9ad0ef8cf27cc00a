package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) servicesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "services", Aliases: []string{"service"}, Short: "Create, configure and delete services",
		Long: `Create, configure and delete services.

Where a command takes a service and none is given, it is that of csph link, else that of the git remote
csph in the current folder, else the folder's name. A change of what is live is rolled out at once, without a build.`,
		RunE: needsSubcommand,
	}
	cmd.AddCommand(
		a.servicesList(), a.servicesGet(), a.servicesCreate(), a.servicesDelete(),
		a.servicesEnv(), a.servicesSetEnv(), a.servicesUnsetEnv(), a.servicesScale(), a.servicesAutoscale(), a.servicesConfigure(), a.servicesSetHealth(), a.servicesRestart(),
		a.servicesSetSecret(), a.servicesSecrets(), a.servicesUnsetSecret(),
		a.servicesSetRegistry(), a.servicesRegistries(), a.servicesRemoveRegistry(),
		a.servicesConnectRepo(), a.servicesSchedule(), a.servicesSuspend(), a.servicesResume(), a.servicesTop(), a.servicesClearCache(),
	)
	return cmd
}

// serviceFlag lets a command say which service it means.
func serviceFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("service", "s", "", "the service, by name or id")
}

// named is the service that arguments, a flag, or the current folder name.
func named(ctx context.Context, flag string, args []string) (string, error) {
	if len(args) > 0 {
		flag = args[0]
	}
	return serviceName(ctx, flag, ".")
}

func (a *app) servicesList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Example: "  csph services list", Short: "List services", Args: atMost(0),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Services(cmd.Context())
			if err != nil {
				return err
			}
			return a.showServices(all)
		}),
	}
}

func (a *app) showServices(all []wire.ServiceView) error {
	rows := make([][]string, len(all))
	for i, s := range all {
		rows[i] = []string{s.Name, s.EnvName, string(s.Type), runs(s), first(s.Live, "-"), s.URL}
	}
	return a.show(all, func() error {
		if len(rows) == 0 {
			a.note("There is no service yet. The first csph deploy, or git push, creates one.")
		}
		return a.table("NAME\tENVIRONMENT\tTYPE\tRUNS\tLIVE\tURL", rows)
	})
}

// runs says what of a service runs; while nothing is live, what would.
func runs(s wire.ServiceView) string {
	switch {
	case s.Suspended:
		return "suspended"
	case s.Type == platform.Cron:
		return "by its schedules"
	case s.Running == nil:
		return fmt.Sprintf("%d × %s, once deployed", s.Config.Count, s.Config.Shape)
	}
	return fmt.Sprintf("%d × %s", s.Running.Count, s.Running.Shape)
}

func (a *app) servicesGet() *cobra.Command {
	return &cobra.Command{
		Use: "get [SERVICE]", Example: "  csph services get web", Short: "Show a service and its spherelets", Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, svc, err := a.found(cmd.Context(), "", args)
			if err != nil {
				return err
			}
			running, err := c.ServiceSpherelets(cmd.Context(), svc.ID)
			if err != nil {
				return err
			}
			volumes, err := c.Volumes(cmd.Context(), svc.ID)
			if err != nil {
				return err
			}
			out := struct {
				wire.ServiceView
				Spherelets []platform.Spherelet `json:"spherelets"`
				Volumes    []platform.Volume    `json:"volumes"`
			}{svc, running, volumes}
			return a.show(out, func() error { return a.describeService(svc, running, volumes) })
		},
	}
}

// found is the service that a command means, and a client to go on with.
func (a *app) found(ctx context.Context, flag string, args []string) (*client.Client, wire.ServiceView, error) {
	name, err := named(ctx, flag, args)
	if err != nil {
		return nil, wire.ServiceView{}, err
	}
	c, err := a.client()
	if err != nil {
		return nil, wire.ServiceView{}, err
	}
	svc, err := c.Service(ctx, name)
	return c, svc, err
}

func (a *app) describeService(s wire.ServiceView, running []platform.Spherelet, volumes []platform.Volume) error {
	rows := [][]string{
		{"Name", s.EnvName + "/" + s.Name}, {"Type", string(s.Type)}, {"Runs", runs(s)},
		{"Region", first(s.Region, "-")}, {"URL", s.URL}, {"Live", first(s.Live, "nothing yet")}, {"Created", when(s.Created)},
	}
	if r := s.Running; r != nil && !s.Suspended && (r.Shape != s.Config.Shape || r.Count != s.Config.Count) {
		rows = append(rows, []string{"Next", fmt.Sprintf("%d × %s, with the next deployment", s.Config.Count, s.Config.Shape)})
	}
	if p := s.Config.Autoscale; p != nil {
		rows = append(rows, []string{"Autoscale", p.String()})
	}
	if at := s.Config.RestartedAt; !at.IsZero() {
		rows = append(rows, []string{"Restarted", when(at)})
	}
	if p := s.Preview; p != nil {
		rows = append(rows, []string{"Preview", fmt.Sprintf("of pull request %d; goes on %s unless another commit comes", p.Number, when(p.Expires))})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Config.Env)) {
		rows = append(rows, []string{"Env", name})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Config.Secrets)) {
		rows = append(rows, []string{"Secret", fmt.Sprintf("%s, version %d", name, s.Config.Secrets[name])})
	}
	for _, v := range volumes {
		for _, at := range v.Attached {
			if at.Service == s.ID {
				rows = append(rows, []string{"Volume", v.Name + " at " + at.Path})
			}
		}
	}
	for _, p := range running {
		rows = append(rows, []string{"Spherelet", fmt.Sprintf("%s %s %s since %s", p.ID, p.State, p.Address, when(p.Started))})
	}
	return a.table("ID\t"+s.ID, rows)
}

func (a *app) servicesCreate() *cobra.Command {
	var f configFlags
	var env []string
	var kind string
	cmd := &cobra.Command{
		Use: "create NAME", Example: "  csph services create web --shape MAX --count 2\n  csph services create staging/web", Short: "Create a service; csph deploy and git push do that too", Args: exactly(1, "the name of the new service"),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := f.change(cmd)
			if err != nil {
				return err
			}
			if change.SetEnv, err = assignments(env); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			svc, err := c.CreateService(cmd.Context(), wire.NewService{Name: args[0], Type: platform.ServiceType(kind), ConfigChange: change})
			if err != nil {
				return err
			}
			return a.show(svc, func() error { return a.printf("Created %s (%s)\n", svc.Name, svc.ID) })
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&kind, "type", "", "web (default), static: its source is a site, worker: nothing is routed to it, or cron: nothing runs but what its schedules say")
	cmd.Flags().StringArrayVarP(&env, "env", "e", nil, "set a variable, K=V; again for more")
	return cmd
}

func (a *app) servicesDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete SERVICE --yes", Example: "  csph services delete web --yes", Short: "Stop and delete a service with everything it has but its volumes", Args: exactly(1, "the name or id of a service"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return usageError{fmt.Errorf("this stops %s and deletes its deployments, logs and repository for good; add --yes", args[0])}
			}
			c, svc, err := a.found(cmd.Context(), "", args)
			if err != nil {
				return err
			}
			kept, err := c.Volumes(cmd.Context(), svc.ID)
			if err != nil {
				return err
			}
			if err := c.DeleteService(cmd.Context(), svc.ID); err != nil {
				return err
			}
			for _, v := range kept {
				a.note("The volume %s stays; csph volumes delete %s --yes deletes it.", v.Name, v.Name)
			}
			return a.show(map[string]string{"deleted": svc.ID}, func() error { return a.printf("Deleted %s (%s)\n", svc.Name, svc.ID) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really delete it")
	return cmd
}
