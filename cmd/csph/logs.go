package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
	"csph/transcript"
)

type logFlags struct {
	build, follow       bool
	access              bool
	service, deployment string
	run                 string
	since, query        string
	tail                int
	progress            progressFlag
}

func (a *app) logsCommand() *cobra.Command {
	f := &logFlags{}
	cmd := &cobra.Command{
		Use: "logs", Short: "Show what a service writes, or how it was built", Args: atMost(0),
		Example: `  csph logs -f --service web
  csph logs --build --deployment dep_01jq8z
  csph logs --service web --since 10m --tail 100
  csph logs --service web --since 1h --query 'connection refused'
  csph logs --service web --access -f
  csph logs --run run_01jq8z`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// ctrl-C is how following ends: it is no failure.
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.logs(ctx, f)
		},
	}
	cmd.Flags().BoolVar(&f.build, "build", false, "the build log of the deployment, or of the service's newest one that was built or pulled")
	cmd.Flags().BoolVar(&f.access, "access", false, "the requests to the service, a JSON object a line")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what is written from now on")
	cmd.Flags().StringVarP(&f.service, "service", "s", "", "the service, by name or id")
	cmd.Flags().StringVarP(&f.deployment, "deployment", "d", "", "the deployment, by id")
	cmd.Flags().StringVar(&f.since, "since", "", "only lines since then: 10m, 2h, or a time like 2026-03-01T12:00:00Z")
	cmd.Flags().StringVar(&f.query, "query", "", "only lines with this text, of those that --since and --tail leave; upper and lower case are the same")
	cmd.Flags().IntVar(&f.tail, "tail", 0, "only the last lines of what is there")
	cmd.Flags().StringVar(&f.run, "run", "", "what a run of a schedule has written, by its id")
	f.progress.add(cmd.Flags())
	cmd.MarkFlagsMutuallyExclusive("service", "deployment", "run")
	cmd.MarkFlagsMutuallyExclusive("run", "build")
	cmd.MarkFlagsMutuallyExclusive("run", "access")
	cmd.MarkFlagsMutuallyExclusive("access", "build")
	cmd.MarkFlagsMutuallyExclusive("access", "deployment")
	return cmd
}

func (a *app) logs(ctx context.Context, f *logFlags) error {
	q := client.LogQuery{Tail: f.tail, Follow: f.follow}
	var err error
	if q.Since, err = since(f.since, time.Now()); err != nil {
		return err
	}
	screens, err := a.screens(ctx, f.progress)
	if err != nil {
		return err
	}
	q.Progress = f.build && f.follow && f.query == "" && screens != nil
	c, err := a.client()
	if err != nil {
		return err
	}
	lines, err := a.logLines(ctx, c, f, q)
	if err != nil {
		return err
	}
	if f.query != "" {
		lines = containing(lines, f.query)
	}
	if q.Progress {
		return a.draw(lines, screens)
	}
	for l, err := range lines {
		switch {
		case err != nil:
		case f.access && !a.structured(): // it is JSON, and has its own time
			err = a.printf("%s\n", l.Text)
		default:
			err = a.printLine(l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// containing are the lines that have the text.
func containing(lines iter.Seq2[wire.LogLine, error], text string) iter.Seq2[wire.LogLine, error] {
	text = strings.ToLower(text)
	return func(yield func(wire.LogLine, error) bool) {
		for l, err := range lines {
			if (err != nil || strings.Contains(strings.ToLower(l.Text), text)) && !yield(l, err) {
				return
			}
		}
	}
}

// draw shows a build log: what is of steps on a screen, and the rest as lines.
func (a *app) draw(lines iter.Seq2[wire.LogLine, error], open func() transcript.Screen) error {
	var on transcript.Screen
	shut := func() {
		if on != nil {
			on.Close()
			on = nil
		}
	}
	defer shut()
	for l, err := range lines {
		switch {
		case err != nil:
			return err
		case l.Step != "" || l.Progress != nil:
			if on == nil {
				on = open()
			}
			on.Show(wire.FileLine(l))
		default:
			shut()
			if err := a.printLine(l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) logLines(ctx context.Context, c *client.Client, f *logFlags, q client.LogQuery) (iter.Seq2[wire.LogLine, error], error) {
	if f.run != "" {
		return c.RunLog(ctx, f.run, q), nil
	}
	deployment := f.deployment
	var service string
	var err error
	if deployment == "" {
		if service, err = serviceName(ctx, f.service, "."); err != nil {
			return nil, err
		}
	}
	switch {
	case deployment != "" && f.build:
		return c.BuildLog(ctx, deployment, q), nil
	case deployment != "":
		return c.DeploymentLogs(ctx, deployment, q), nil
	case f.access:
		return c.AccessLog(ctx, service, q), nil
	case !f.build:
		return c.ServiceLogs(ctx, service, q), nil
	}
	const most = 500 // changes of the configuration since
	built, err := newest(ctx, c, service, most, func(d platform.Deployment) bool { return d.Source.Kind != platform.FromDeployment })
	if err != nil {
		return nil, err
	}
	return c.BuildLog(ctx, built.ID, q), nil
}

// microseconds is RFC 3339 with a fraction that is always as long.
const microseconds = "2006-01-02T15:04:05.000000Z07:00"

func (a *app) printLine(l wire.LogLine) error {
	if a.structured() {
		return a.printRecord(l)
	}
	text := l.Text
	if !a.terminal {
		return a.printf("%s %s%s\n", l.Time.Format(microseconds), origin(l), text)
	}
	return a.printf("%s %s%s\n", l.Time.Local().Format(time.TimeOnly), origin(l), transcript.Harmless(text))
}

// origin says which spherelet a line is from, by the end of its id, or that it is a step of a build.
func origin(l wire.LogLine) string {
	const short = 6
	switch {
	case l.Spherelet != "":
		return l.Spherelet[max(0, len(l.Spherelet)-short):] + "  "
	case l.Stream == "step":
		return "==> "
	}
	return ""
}

// since reads a time, or how long ago one is.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError{fmt.Errorf("--since %s is neither a duration (10m, 2h) nor a time (2026-03-01T12:00:00Z)", text)}
	}
	return at, nil
}
