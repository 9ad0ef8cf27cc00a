package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"csph/api/client"
)

// version is set by the linker.
var version = "dev"

// app is one run of the command.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	terminal bool // out is one

	format string // -o
	url    string // --url
}

// interactive reports whether somebody can be asked.
func (a *app) interactive() bool {
	f, ok := a.in.(*os.File)
	return ok && isTerminal(f)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "csph",
		Short: "Deploy services and look after them",
		Long: `Deploy services and look after them.

The server is CSPH_URL, else the one of csph login, else http://127.0.0.1:7070. The token is CSPH_TOKEN,
else the one of csph login, else, for a server on this machine, admin.token in its state folder
(CSPH_STATE, by default /var/lib/csph).

Exit status: 0 what was asked for is true (a deployment: it is live), 1 it is not, 2 wrong command line,
3 the server cannot be reached, 4 no valid token, 130 interrupted.`,
		Example: `  csph deploy                          # the current folder
  csph deploy --image nginx:1.29 --service web --port 80
  csph logs -f --service web
  csph deployments list --service web`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.checkFormat() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVarP(&a.format, "output", "o", "table", "table, json or yaml")
	root.PersistentFlags().StringVar(&a.url, "url", "", "the csph server (default $CSPH_URL)")
	root.AddCommand(
		a.deployCommand(), a.deploymentsCommand(), a.rollbackCommand(), a.servicesCommand(),
		a.logsCommand(), a.eventsCommand(), a.planCommand(), a.zeropsCommand(), a.webhooksCommand(), a.keysCommand(), a.domainsCommand(), a.volumesCommand(), a.mountCommand(), a.diskCommand(),
		a.initCommand(), a.linkCommand(), a.unlinkCommand(), a.execCommand(), a.runCommand(), a.openCommand(), a.metricsCommand(), a.manCommand(), a.applyCommand(), a.exportCommand(), a.importCommand(),
		a.tokenCommand(), a.membersCommand(), a.accountsCommand(), a.projectsCommand(), a.environmentsCommand(),
		a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.statusCommand(), a.versionCommand(), completionCommand(),
	)
	a.completeNames(root)
	return root
}

func (a *app) checkFormat() error {
	if a.format != "table" && a.format != "json" && a.format != "yaml" {
		return usageError{fmt.Errorf("-o %s is not a format; choose table, json or yaml", a.format)}
	}
	return nil
}

// client returns a client of the server that settings name.
func (a *app) client() (*client.Client, error) {
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	return client.New(s.URL, s.Token, "csph/"+version)
}

// exactly wants n arguments, called what.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s wants %s", cmd.CommandPath(), what)}
		}
		return nil
	}
}

// atMost wants n arguments or fewer.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError{fmt.Errorf("%s does not know what to do with %q", cmd.CommandPath(), args[n])}
		}
		return nil
	}
}

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Print a completion script for a shell",
		Example:   "  source <(csph completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      exactly(1, "the name of a shell: bash, zsh or fish"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				if _, err := io.WriteString(out, bashWords); err != nil {
					return err
				}
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return usageError{fmt.Errorf("there is no completion for %s; choose bash, zsh or fish", args[0])}
		},
	}
}
