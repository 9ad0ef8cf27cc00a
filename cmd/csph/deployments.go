package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/platform"
)

// deploymentView is a deployment as -o json prints it: reason is always there.
type deploymentView struct {
	platform.Deployment
	Reason platform.Reason `json:"reason"`
}

func (a *app) deploymentsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "deployments", Aliases: []string{"deployment"}, Short: "List, watch and repeat deployments",
		RunE: needsSubcommand,
	}
	cmd.AddCommand(a.deploymentsList(), a.deploymentsGet(), a.deploymentsWatch(), a.deploymentsCancel(), a.deploymentsRedeploy(), a.deploymentsProvenance())
	return cmd
}

// needsSubcommand is what a command does that is only a group of others.
func needsSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s has no command %s", cmd.CommandPath(), args[0])}
	}
	return cmd.Help()
}

func (a *app) deploymentsList() *cobra.Command {
	var service string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List deployments, newest first", Args: atMost(0),
		Example: "  csph deployments list --service web -o json",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Deployments(cmd.Context(), service, limit)
			if err != nil {
				return err
			}
			return a.showDeployments(all)
		}),
	}
	cmd.Flags().StringVarP(&service, "service", "s", "", "only those of this service")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many")
	return cmd
}

func (a *app) showDeployments(all []platform.Deployment) error {
	views := make([]deploymentView, len(all))
	rows := make([][]string, len(all))
	for i, d := range all {
		views[i] = deploymentView{Deployment: d, Reason: d.Reason}
		rows[i] = []string{d.ID, d.Name, string(d.Status), string(d.Reason), describe(d.Source), d.Trigger.Kind + " by " + d.Trigger.Actor, when(d.Created)}
	}
	return a.show(views, func() error {
		if len(rows) == 0 {
			a.note("There is no deployment yet. Make one with: csph deploy")
		}
		return a.table("ID\tSERVICE\tSTATUS\tREASON\tSOURCE\tTRIGGER\tCREATED", rows)
	})
}

// describe is a source in a few words.
func describe(s platform.Source) string {
	const short = 12
	switch s.Kind {
	case platform.FromGit:
		return "git " + s.Revision[:min(short, len(s.Revision))]
	case platform.FromTarball:
		return "upload"
	case platform.FromImage:
		return s.Image
	}
	return "image of " + s.Deployment
}

func (a *app) deploymentsGet() *cobra.Command {
	return &cobra.Command{
		Use: "get DEPLOYMENT", Example: "  csph deployments get dep_01jq8z", Short: "Show a deployment", Args: exactly(1, "the id of a deployment"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			d, err := c.Deployment(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(deploymentView{Deployment: d, Reason: d.Reason}, func() error { return a.describeDeployment(d) })
		}),
	}
}

func (a *app) describeDeployment(d platform.Deployment) error {
	rows := [][]string{
		{"Service", d.Name}, {"Status", string(d.Status)}, {"Source", describe(d.Source)},
		{"Trigger", d.Trigger.Kind + " by " + d.Trigger.Actor},
		{"Runs", fmt.Sprintf("%d × %s", d.Config.Count, d.Config.Shape)}, {"Region", first(d.Config.Region, "-")}, {"URL", d.URL},
	}
	if d.Reason != "" {
		rows = append(rows, []string{"Reason", string(d.Reason)})
		rows = append(rows, linesOf("Message", d.Message)...)
		rows = append(rows, []string{"Next", d.Hint})
	}
	for _, line := range d.Tail {
		rows = append(rows, []string{"", "| " + line})
	}
	for _, phase := range d.History {
		rows = append(rows, []string{string(phase.Status), when(phase.At) + fmt.Sprintf(" (%.1f s)", phase.At.Sub(d.Created).Seconds())})
	}
	return a.table("ID\t"+d.ID, rows)
}

// linesOf are the rows of a text of several lines.
func linesOf(name, text string) (rows [][]string) {
	for line := range strings.SplitSeq(text, "\n") {
		rows = append(rows, []string{name, line})
		name = ""
	}
	return rows
}

func (a *app) deploymentsWatch() *cobra.Command {
	var timeout time.Duration
	var progress progressFlag
	cmd := &cobra.Command{
		Use: "watch [DEPLOYMENT]", Short: "Follow a deployment, or the service's newest one, until it has settled", Args: atMost(1),
		Example: "  csph deployments watch\n  csph deployments watch dep_01jq8z",
	}
	service := serviceFlag(cmd)
	cmd.RunE = a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
		d, err := a.meant(cmd.Context(), c, *service, args)
		if err != nil {
			return err
		}
		signals, stop := interrupts()
		defer stop()
		w := &watching{app: a, client: c, id: d.ID, progress: progress, signals: signals}
		return w.run(cmd.Context(), timeout)
	})
	cmd.Flags().DurationVar(&timeout, "wait-timeout", time.Hour, "how long to watch")
	progress.add(cmd.Flags())
	return cmd
}

// meant is the deployment that arguments name, or else the newest one of the service.
func (a *app) meant(ctx context.Context, c *client.Client, flag string, args []string) (platform.Deployment, error) {
	if len(args) > 0 {
		return c.Deployment(ctx, args[0])
	}
	service, err := serviceName(ctx, flag, ".")
	if err != nil {
		return platform.Deployment{}, err
	}
	return newest(ctx, c, service, 1, func(platform.Deployment) bool { return true })
}

// newest is the newest deployment of a service, among so many, that is as wanted.
func newest(ctx context.Context, c *client.Client, service string, among int, wanted func(platform.Deployment) bool) (platform.Deployment, error) {
	all, err := c.Deployments(ctx, service, among)
	if err != nil {
		return platform.Deployment{}, err
	}
	if i := slices.IndexFunc(all, wanted); i >= 0 {
		return all[i], nil
	}
	return platform.Deployment{}, fmt.Errorf("%s has no deployment yet; make one with: csph deploy --service %s", service, service)
}

func (a *app) deploymentsCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel DEPLOYMENT", Example: "  csph deployments cancel dep_01jq8z", Short: "Cancel a deployment that is queued or building", Args: exactly(1, "the id of a deployment"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			d, err := c.Cancel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			err = a.show(deploymentView{Deployment: d, Reason: d.Reason}, func() error { return a.printf("%s is %s.\n", d.ID, d.Status) })
			if err == nil && d.Status != platform.Canceled {
				err = errors.New("the deployment settled before it could be cancelled: it is " + string(d.Status))
			}
			return err
		}),
	}
}

func (a *app) deploymentsRedeploy() *cobra.Command {
	return a.again(&cobra.Command{
		Use: "redeploy DEPLOYMENT", Example: "  csph deployments redeploy dep_01jq8z", Short: "Deploy the same image again, with the service's present config",
	}, (*client.Client).Redeploy)
}

func (a *app) rollbackCommand() *cobra.Command {
	return a.again(&cobra.Command{
		Use: "rollback DEPLOYMENT", Example: "  csph rollback dep_01jq8z", Short: "Deploy the image, config and variables of an earlier deployment",
		Long: "Deploy the image, config and variables of an earlier deployment. It is a deployment of its own, with an id of its own.",
	}, (*client.Client).Rollback)
}

// again is a command that repeats a deployment.
func (a *app) again(cmd *cobra.Command, ask func(*client.Client, context.Context, string) (platform.Deployment, error)) *cobra.Command {
	var wait waitFlags
	wait.add(cmd)
	cmd.Args = exactly(1, "the id of a deployment")
	cmd.RunE = a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return a.await(cmd.Context(), c, wait, func(ctx context.Context) (platform.Deployment, error) { return ask(c, ctx, args[0]) })
	})
	return cmd
}
