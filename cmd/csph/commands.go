package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
)

// exitError is the exit status of a command that ran on the server.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("the command exited with status %d", e.code) }

func (a *app) execCommand() *cobra.Command {
	var spherelet string
	var stdin, tty bool
	cmd := &cobra.Command{
		Use: "exec [--service S] [-i] [-t] -- COMMAND…", Short: "Run a command in a spherelet that runs",
		Long: `Run a command in a spherelet that runs, with its environment and limits. The exit status is the command's; secrets in
what it prints are masked. With -i it reads standard input as it comes; with -t it has a terminal as well, of the size of this one: -it gives
a shell. ctrl-C kills it, or goes to its terminal.`,
		Example: "  csph exec --service web -- ls -l /\n  csph exec -s web -it -- sh\n  csph exec -s web -i -- sh < script.sh",
	}
	service := serviceFlag(cmd)
	cmd.Flags().StringVar(&spherelet, "spherelet", "", "in this one, by id (default: any)")
	talkFlags(cmd, &stdin, &tty)
	cmd.RunE = a.remotely(service, func(ctx context.Context, c *client.Client, svc string, args []string) (int, error) {
		if !stdin && !tty {
			return c.Exec(ctx, svc, wire.NewCommand{Command: args, Spherelet: spherelet}, a.out, a.err)
		}
		return a.session(ctx, c.Session, svc, wire.NewSession{Command: args, Spherelet: spherelet, TTY: tty}, stdin)
	})
	return cmd
}

// talkFlags let a command be talked to.
func talkFlags(cmd *cobra.Command, stdin, tty *bool) {
	cmd.Flags().BoolVarP(stdin, "stdin", "i", false, "let it read standard input")
	cmd.Flags().BoolVarP(tty, "tty", "t", false, "give it a terminal")
}

func (a *app) runCommand() *cobra.Command {
	var stdin, tty bool
	cmd := &cobra.Command{
		Use: "run [--service S] [-i] [-t] -- COMMAND…", Short: "Run a command to its end in a spherelet of its own",
		Long: `Run a command to its end in a spherelet of its own, with the image, environment and shape of what is live. The exit
status is the command's; secrets in what it prints are masked. With -i it reads standard input as it comes; with -t it has a terminal
as well, of the size of this one: -it gives a console. The spherelet goes with the command. ctrl-C, or a connection that breaks, kills it;
on its terminal ctrl-C goes to the command.`,
		Example: "  csph run --service web -- ./manage.py migrate\n  csph run -s web -it -- bash\n  csph run -s web -i -- psql < dump.sql",
	}
	service := serviceFlag(cmd)
	talkFlags(cmd, &stdin, &tty)
	cmd.RunE = a.remotely(service, func(ctx context.Context, c *client.Client, svc string, args []string) (int, error) {
		if !stdin && !tty {
			return c.RunOnce(ctx, svc, wire.NewRun{Command: args}, a.out)
		}
		return a.session(ctx, c.SessionOnce, svc, wire.NewSession{Command: args, TTY: tty}, stdin)
	})
	return cmd
}

// remotely is a command that runs one on the server, until ctrl-C, and has its exit status.
func (a *app) remotely(service *string, run func(ctx context.Context, c *client.Client, svc string, args []string) (int, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{fmt.Errorf("%s wants a command, behind --", cmd.CommandPath())}
		}
		ctx, stop := untilInterrupted(cmd.Context())
		defer stop()
		c, svc, err := a.found(ctx, *service, nil)
		if err != nil {
			return err
		}
		exit, err := run(ctx, c, svc.ID, args)
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case err != nil:
			return err
		case exit != 0:
			return exitError{exit}
		}
		return nil
	}
}

// metricsCommand is services top under the name that people look for.
func (a *app) metricsCommand() *cobra.Command {
	cmd := a.servicesTop()
	cmd.Use, cmd.Example = "metrics [SERVICE]", "  csph metrics web -o json"
	return cmd
}

func (a *app) openCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "open [SERVICE]", Short: "Open a service's URL in the browser; without a terminal, print it", Args: atMost(1), Example: "  csph open web",
	}
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		if svc.URL == "" {
			return fmt.Errorf("%s has no URL: it is a %s", svc.Name, svc.Type)
		}
		if a.terminal && !a.structured() {
			browse(cmd.Context(), svc.URL)
		}
		return a.show(map[string]string{"url": svc.URL}, func() error { return a.printf("%s\n", svc.URL) })
	}
	return cmd
}

// browse starts a browser, where there is one: the URL is printed in any case.
func browse(ctx context.Context, url string) {
	opener := "xdg-open"
	if runtime.GOOS == "darwin" {
		opener = "open"
	}
	if path, err := exec.LookPath(opener); err == nil {
		_ = exec.CommandContext(ctx, path, url).Run()
	}
}
