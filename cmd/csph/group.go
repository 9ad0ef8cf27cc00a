package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"csph/api/client"
)

// group is a command that is only a group of others.
func group(use, alias, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, RunE: needsSubcommand}
	if alias != "" {
		cmd.Aliases = []string{alias}
	}
	cmd.AddCommand(commands...)
	return cmd
}

// asking is a command that asks the server.
func (a *app) asking(do func(cmd *cobra.Command, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		return do(cmd, c, args)
	}
}

// listing is a command that shows all of something.
func listing[T any](a *app, short, example, heading string, read func(*cobra.Command, *client.Client) ([]T, error), row func(T) []string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: short, Args: atMost(0), Example: example,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := read(cmd, c)
			if err != nil {
				return err
			}
			return listed(a, all, heading, row)
		}),
	}
}

// listingIn is a listing of all services, or of the one that --service names; with nothing to show, none says how a first one
// is made.
func listingIn[T any](a *app, short, example, none, heading string, read func(*client.Client, context.Context, string) ([]T, error), row func(T) []string) *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: atMost(0), Example: example,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := read(c, cmd.Context(), service)
			if err != nil {
				return err
			}
			if len(all) == 0 && !a.structured() {
				a.note("%s", none)
				return nil
			}
			return listed(a, all, heading, row)
		}),
	}
	cmd.Flags().StringVarP(&service, "service", "s", "", "only those of this service")
	return cmd
}

// listingOf makes cmd show all that a service has of something.
func listingOf[T any](a *app, cmd *cobra.Command, heading string, read func(*client.Client, context.Context, string) ([]T, error), row func(T) []string) *cobra.Command {
	cmd.Args = atMost(1)
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		all, err := read(c, cmd.Context(), svc.ID)
		if err != nil {
			return err
		}
		return listed(a, all, heading, row)
	}
	return cmd
}

// listed shows all of something; of a table, row makes the lines.
func listed[T any](a *app, all []T, heading string, row func(T) []string) error {
	return a.show(all, func() error {
		rows := make([][]string, len(all))
		for i, one := range all {
			rows[i] = row(one)
		}
		return a.table(heading, rows)
	})
}

// showing makes a command ask for what its first argument names, or for a change of that, and show the answer; as text, tell
// does.
func showing[T any](a *app, ask func(*client.Client, context.Context, string) (T, error), tell func(T) error) func(*cobra.Command, []string) error {
	return a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
		v, err := ask(c, cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.show(v, func() error { return tell(v) })
	})
}

// removing is a command that ends something named.
func (a *app) removing(use, short, what, example, done string, remove func(*cobra.Command, *client.Client, string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(1, what), Example: example,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := remove(cmd, c, args[0]); err != nil {
				return err
			}
			return a.show(map[string]string{"removed": args[0]}, func() error { return a.printf("%s %s\n", done, args[0]) })
		}),
	}
}

// deleting is a command that deletes something named for good, which warning says, with %s for the name; it wants --yes.
func (a *app) deleting(use, short, what, example, warning string, remove func(*client.Client, context.Context, string) error) *cobra.Command {
	var yes bool
	cmd := a.removing(use+" --yes", short, what, example, "Deleted", func(cmd *cobra.Command, c *client.Client, ref string) error {
		if err := confirmed(yes, warning, ref); err != nil {
			return err
		}
		return remove(c, cmd.Context(), ref)
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "really delete it")
	return cmd
}

// confirmed wants --yes before something is deleted for good.
func confirmed(yes bool, format string, args ...any) error {
	if yes {
		return nil
	}
	return usageError{fmt.Errorf(format+"; add --yes", args...)}
}
