package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"csph/api/wire"
	"csph/platform"
)

// healthFlags are what csph services set-health is told.
type healthFlags struct {
	check            platform.Check
	health           platform.Health
	live, off, reset bool
}

func (a *app) servicesSetHealth() *cobra.Command {
	f := &healthFlags{}
	cmd := a.configure(&cobra.Command{
		Use: "set-health [SERVICE] --path PATH | --exec COMMAND", Short: "Change how a service's spherelets are checked",
		Long: `Change the check that a new version must pass before it gets traffic: GET PATH must answer 2xx within the
time-out (redirects are followed), or COMMAND must exit with status 0 in the spherelet. Without a check of its
own a service passes once its port answers GET /healthz with anything that is not a server error.

With --live the same question is also asked for as long as the version is live: a spherelet that fails for
--disconnect gets no requests until it has passed for --recovery, one that fails for --failure is restarted.
What zerops.yml says wins over both.`,
		Example: "  csph services set-health web --path /up --timeout 60s\n  csph services set-health web --path /up --live --failure 2m\n" +
			"  csph services set-health worker --exec 'test -f /tmp/ok' --live\n  csph services set-health web --default",
	}, func(_ *cobra.Command, args []string) ([]string, wire.ConfigChange, error) {
		c, err := f.change()
		return args, c, err
	})
	f.add(cmd)
	return cmd
}

func (f *healthFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.check.Path, "path", "", "path that must answer 2xx")
	flags.StringVar(&f.check.Exec, "exec", "", "command that must exit with status 0, instead of a path")
	flags.IntVar(&f.check.Port, "check-port", 0, "port to ask, if not the service's own")
	flags.StringVar(&f.check.Host, "host", "", "Host header to ask with")
	flags.DurationVar(&f.check.FailureTimeout, "timeout", 0, "how long a new version may take to pass (default 5m)")
	flags.DurationVar(&f.check.RetryPeriod, "period", 0, "longest pause between two tries of a new version (default 5s)")
	flags.BoolVar(&f.live, "live", false, "also ask while the version is live")
	flags.DurationVar(&f.health.Disconnect, "disconnect", 0, "with --live: failing for so long, no requests (default 30s)")
	flags.DurationVar(&f.health.Recovery, "recovery", 0, "with --live: passing for so long, requests again (default 30s)")
	flags.DurationVar(&f.health.Failure, "failure", 0, "with --live: failing for so long, a restart (default 1m)")
	flags.DurationVar(&f.health.Period, "every", 0, "with --live: pause between two questions (default 10s)")
	flags.BoolVar(&f.off, "no-live", false, "stop asking while the version is live; the check of new versions stays")
	flags.BoolVar(&f.reset, "default", false, "go back to the default rule, and ask nothing while the version is live")
}

func (f *healthFlags) change() (wire.ConfigChange, error) {
	given := 0
	for _, way := range []bool{f.check.Path != "", f.check.Exec != "", f.reset, f.off} {
		if way {
			given++
		}
	}
	switch {
	case given != 1:
		return wire.ConfigChange{}, usageError{fmt.Errorf("csph services set-health wants one of --path, --exec, --no-live and --default")}
	case f.health != platform.Health{} && !f.live:
		return wire.ConfigChange{}, usageError{fmt.Errorf("--disconnect, --recovery, --failure and --every need --live")}
	case f.off:
		return wire.ConfigChange{Health: &platform.Health{}}, nil
	case f.reset:
		return wire.ConfigChange{Ready: &platform.Check{}, Health: &platform.Health{}}, nil
	}
	c := wire.ConfigChange{Ready: &f.check}
	if f.live {
		f.health.Check = platform.Check{Path: f.check.Path, Exec: f.check.Exec, Port: f.check.Port, Host: f.check.Host}
		c.Health = &f.health
	}
	return c, nil
}
