package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"csph/api/wire"
)

// autoscaleFlags are what csph services autoscale is told.
type autoscaleFlags struct {
	min, max, cpu int
	off           bool
}

func (a *app) servicesAutoscale() *cobra.Command {
	f := &autoscaleFlags{}
	cmd := a.configure(&cobra.Command{
		Use: "autoscale [SERVICE] --min N --max N --cpu PERCENT", Short: "Let CPU use decide how many spherelets a service runs",
		Long: `Let CPU use decide how many spherelets a service runs: as many as make them use --cpu percent of their shape's vCPU on
average. The count goes up at once, to no more than double at a time, and down when nothing in the last five minutes has asked
for more; a tenth off the target changes nothing. It never passes what the account and the server have room for: csph events
says so. What is left out stays as it is.

While it is on, csph services scale --count is refused. With --off the count stays as it is then.`,
		Example: "  csph services autoscale web --min 1 --max 5 --cpu 70\n  csph services autoscale web --max 8\n  csph services autoscale web --off",
	}, func(cmd *cobra.Command, args []string) ([]string, wire.ConfigChange, error) {
		c, err := f.change(cmd)
		return args, c, err
	})
	cmd.Flags().IntVar(&f.min, "min", 0, "the fewest spherelets (default 1)")
	cmd.Flags().IntVar(&f.max, "max", 0, "the most spherelets")
	cmd.Flags().IntVar(&f.cpu, "cpu", 0, "percent of their shape's vCPU that the spherelets are to use (default 70)")
	cmd.Flags().BoolVar(&f.off, "off", false, "turn it off")
	return cmd
}

func (f *autoscaleFlags) change(cmd *cobra.Command) (wire.ConfigChange, error) {
	flags := cmd.Flags()
	c := wire.AutoscaleChange{Min: given(flags, "min", &f.min), Max: given(flags, "max", &f.max), CPU: given(flags, "cpu", &f.cpu), Off: f.off}
	if (c.Min != nil || c.Max != nil || c.CPU != nil) == f.off {
		return wire.ConfigChange{}, usageError{fmt.Errorf("csph services autoscale wants --min, --max and --cpu, or some of them, or --off")}
	}
	return wire.ConfigChange{Autoscale: &c}, nil
}
