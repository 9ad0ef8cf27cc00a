package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/platform"
	"csph/transcript"
)

func (a *app) eventsCommand() *cobra.Command {
	var q client.EventQuery
	cmd := &cobra.Command{
		Use: "events", Short: "Show what happened, in order", Args: atMost(0),
		Long: `Show what happened, in order. With -o json, each event is one line of JSON; its seq is the position that
--after resumes from.`,
		Example: "  csph events --service web -f",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			c, err := a.client()
			if err != nil {
				return err
			}
			for e, err := range c.Events(ctx, q) {
				if err == nil {
					err = a.printEvent(e)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&q.Service, "service", "s", "", "only those of this service")
	cmd.Flags().StringVarP(&q.Deployment, "deployment", "d", "", "only those of this deployment")
	cmd.Flags().BoolVarP(&q.Follow, "follow", "f", false, "go on with what happens from now on")
	cmd.Flags().Int64Var(&q.After, "after", 0, "only events after this position")
	return cmd
}

func (a *app) printEvent(e platform.Event) error {
	if a.json() {
		return a.printRecord(e)
	}
	what := e.Kind
	if e.Status != "" {
		what = fmt.Sprintf("%s %s", e.Kind, e.Status)
	}
	return a.printf("%s  %-24s %s  %s\n", e.Time.Local().Format(time.DateTime), what, e.Deployment, transcript.Harmless(e.Message))
}
