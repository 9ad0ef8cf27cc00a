package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) servicesSchedule() *cobra.Command {
	cmd := group("schedule", "schedules", "Make deployments or run commands by the clock",
		`Make deployments or run commands by the clock. A command runs in a spherelet of its own, with the image,
variables and secrets of what is live; a service of the type cron has no others:

  csph services create report --type cron
  csph deploy --service report
  csph services schedule add report --cron '0 3 * * *' --zone Europe/Berlin

Times are those of the clock in the time zone. One that the change to summer time leaves out comes as much later as the
clock is put on; one that the change back repeats comes once, except where every hour is meant ('0 * * * *').
What passes while csphd does not run is recorded as missed and not made up for, if it is more than a minute ago.`,
		a.scheduleList(), a.scheduleAdd(), a.scheduleRemove(), a.scheduleRun(), a.scheduleRuns())
	return cmd
}

func (a *app) scheduleAdd() *cobra.Command {
	var n wire.NewSchedule
	cmd := &cobra.Command{
		Use: "add [SERVICE] --cron EXPRESSION [-- COMMAND…]", Short: "Add a schedule",
		Long: `Add a schedule: minute, hour, day of the month, month and day of the week, or @hourly, @daily, @weekly, @monthly,
@yearly, @every 15m. With --deploy it makes a deployment, of the repository that the service is connected to or, where there is none,
of what is live; otherwise it runs the command, for a cron service without one its start command.`,
		Example: `  csph services schedule add web --cron '0 3 * * *' --zone Europe/Berlin --deploy
  csph services schedule add web --cron '*/15 * * * *' -- ./bin/rails cleanup
  csph services schedule add report --cron @daily --overlap queue`,
	}
	flag := serviceFlag(cmd)
	cmd.Flags().StringVar(&n.Cron, "cron", "", "when: five fields, or @daily and the like")
	cmd.Flags().StringVar(&n.Zone, "zone", "", "time zone, for example Europe/Berlin (default UTC)")
	cmd.Flags().BoolVar(&n.Deploy, "deploy", false, "make a deployment")
	cmd.Flags().StringVar(&n.Overlap, "overlap", "", "while the run before is still going on: skip (default), queue or allow")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if n.Cron == "" {
			return usageError{fmt.Errorf("csph services schedule add wants --cron, for example --cron '0 3 * * *'")}
		}
		service := args
		if dash := cmd.ArgsLenAtDash(); dash >= 0 {
			service, n.Command = args[:dash], args[dash:]
		}
		if err := atMost(1)(cmd, service); err != nil {
			return err
		}
		c, svc, err := a.found(cmd.Context(), *flag, service)
		if err != nil {
			return err
		}
		made, err := c.AddSchedule(cmd.Context(), svc.ID, n)
		if err != nil {
			return err
		}
		return a.show(made, func() error {
			return a.printf("Schedule %s: %s, next at %s\n", made.ID, does(made), inZone(made.Next, made.Zone))
		})
	}
	return cmd
}

// does says what a schedule does.
func does(t platform.Timer) string {
	switch {
	case t.Deploy:
		return "deploy"
	case len(t.Command) == 0:
		return "the start command"
	}
	return strings.Join(t.Command, " ")
}

// inZone is a time as the clock in a zone shows it.
func inZone(at time.Time, zone string) string {
	if location, err := time.LoadLocation(zone); err == nil {
		at = at.In(location)
	}
	return at.Format("2006-01-02 15:04:05 MST")
}

func (a *app) scheduleList() *cobra.Command {
	cmd := &cobra.Command{Use: "list [SERVICE]", Short: "List a service's schedules", Example: "  csph services schedule list web"}
	return listingOf(a, cmd, "ID\tCRON\tZONE\tOVERLAP\tNEXT\tDOES", (*client.Client).Schedules, func(t platform.Timer) []string {
		return []string{t.ID, t.Cron, t.Zone, string(t.Overlap), inZone(t.Next, t.Zone), does(t)}
	})
}

func (a *app) scheduleRemove() *cobra.Command {
	return a.removing("remove SCHEDULE", "Remove a schedule with the record of its runs", "the id of a schedule", "  csph services schedule remove sch_01j9…", "Removed",
		func(cmd *cobra.Command, c *client.Client, id string) error {
			return c.RemoveSchedule(cmd.Context(), id)
		})
}

func (a *app) scheduleRun() *cobra.Command {
	return &cobra.Command{
		Use: "run SCHEDULE", Short: "Begin a run now, beside those that are planned", Args: exactly(1, "the id of a schedule"),
		Example: "  csph services schedule run sch_01j9…",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			r, err := c.RunSchedule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(r, func() error {
				return a.printf("Run %s has begun. See what it writes: csph logs -f --run %s\n", r.ID, r.ID)
			})
		}),
	}
}

func (a *app) scheduleRuns() *cobra.Command {
	var schedule string
	var limit int
	cmd := &cobra.Command{
		Use: "runs [SERVICE]", Short: "List the runs of a service's schedules, and what was skipped or missed",
		Example: "  csph services schedule runs web\n  csph services schedule runs web --schedule sch_01j9… --limit 100",
	}
	cmd.Flags().StringVar(&schedule, "schedule", "", "only those of this schedule, by its id")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, the newest first")
	read := func(c *client.Client, ctx context.Context, service string) ([]platform.Run, error) {
		return c.Runs(ctx, service, schedule, limit)
	}
	return listingOf(a, cmd, "ID\tPLANNED\tTOOK\tSTATUS\tRESULT\tMESSAGE", read, func(r platform.Run) []string {
		return []string{r.ID, when(r.Planned), took(r), string(r.Status), ended(r), r.Message}
	})
}

// took is how long a run went on.
func took(r platform.Run) string {
	if r.Started.IsZero() || r.Ended.IsZero() {
		return "-"
	}
	return r.Ended.Sub(r.Started).Round(10 * time.Millisecond).String()
}

// ended is what a run has come to: an exit status, a deployment, or how many it stands for.
func ended(r platform.Run) string {
	switch {
	case r.Deployment != "":
		return r.Deployment
	case r.Exit != nil:
		return fmt.Sprintf("exit %d", *r.Exit)
	case r.Missed > 0:
		return fmt.Sprintf("%d missed", r.Missed)
	}
	return "-"
}
