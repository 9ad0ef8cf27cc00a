package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/platform"
	"csph/transcript"
)

func (a *app) eventsCommand() *cobra.Command {
	var q client.EventQuery
	var audit bool
	var tail int
	cmd := &cobra.Command{
		Use: "events", Short: "Show what happened, in order", Args: atMost(0),
		Long: `Show what happened, in order. With -o json, each event is one line of JSON; its seq is the position that
--after resumes from. With --audit it is who changed what, when and from where, and what was refused; for admins.`,
		Example: "  csph events --service web -f\n  csph events --audit --tail 50 -f",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			c, err := a.client()
			if err != nil {
				return err
			}
			if audit {
				return a.audit(ctx, c, tail, q.Follow)
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
	cmd.Flags().BoolVar(&audit, "audit", false, "who changed what, and what was refused")
	cmd.Flags().IntVar(&tail, "tail", 100, "with --audit: only the last entries; 0 for all")
	cmd.Flags().Int64Var(&q.After, "after", 0, "only events after this position")
	return cmd
}

// untilInterrupted ends with ctrl-C, which is how following ends: it is no failure.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// auditEvery is how often the audit log is looked at while it is followed.
const auditEvery = time.Second

// audit shows the audit log, the newest entries last; with follow also those that come, until ctx ends.
func (a *app) audit(ctx context.Context, c *client.Client, tail int, follow bool) error {
	entries, err := c.Audit(ctx, tail)
	if err != nil {
		return err
	}
	slices.Reverse(entries)
	if !follow {
		return a.show(entries, func() error { return a.auditTable(entries) })
	}
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	for last := int64(0); ; {
		for _, e := range entries {
			if err := a.printAudit(e); err != nil {
				return err
			}
			last = e.Seq
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if entries, err = c.AuditAfter(ctx, last); err != nil {
			return err
		}
		slices.Reverse(entries)
	}
}

func (a *app) auditTable(entries []platform.AuditEntry) error {
	rows := make([][]string, len(entries))
	for i, e := range entries {
		rows[i] = auditRow(e)
	}
	return a.table("TIME\tWHO\tFROM\tACTION\tTARGET\tSTATUS\tMESSAGE", rows)
}

func (a *app) printAudit(e platform.AuditEntry) error {
	if a.structured() {
		return a.printRecord(e)
	}
	return a.printf("%s\n", transcript.Harmless(strings.Join(auditRow(e), "  ")))
}

func auditRow(e platform.AuditEntry) []string {
	status := strconv.Itoa(e.Status)
	if e.Status == 0 {
		status = "begun"
	}
	return []string{when(e.Time), first(e.Member, "-"), first(e.Address, "-"), e.Action, e.Target, status, e.Message}
}

func (a *app) printEvent(e platform.Event) error {
	if a.structured() {
		return a.printRecord(e)
	}
	what := e.Kind
	if e.Status != "" && e.Status != e.Kind {
		what = fmt.Sprintf("%s %s", e.Kind, e.Status)
	}
	return a.printf("%s  %-24s %-30s  %s\n", e.Time.Local().Format(time.DateTime), what, e.Deployment, transcript.Harmless(e.Message))
}
