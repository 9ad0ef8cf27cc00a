package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// repositoryFlags are what csph services connect-repo is told.
type repositoryFlags struct {
	branch, user, token, deployKey string
	makeKey                        bool
	poll                           time.Duration
	provider                       string
	watch                          []string
	lfs                            bool
	disconnect                     bool
}

func (a *app) servicesConnectRepo() *cobra.Command {
	f := &repositoryFlags{}
	cmd := &cobra.Command{
		Use: "connect-repo [SERVICE] [URL]", Short: "Deploy a service from a repository at GitHub, GitLab, Bitbucket, Azure DevOps, Gitea or elsewhere",
		Long: `Connect a service to a git repository elsewhere, over https or ssh. csph deploy --fetch, webhooks
(csph webhooks create) and polling deploy from it. The repository must let csph in at once; without a URL the
present connection is shown.

A private repository over https needs --token-file, one over ssh --deploy-key or --make-key: that makes a key pair
here and prints the public half, which is then entered as a read-only deploy key. The credential is encrypted at
rest and cannot be read back.

With a token that may write them, commit statuses, GitHub's deployments and the URLs of previews are reported back to
GitHub, GitLab, Bitbucket, Gitea and Azure DevOps; --provider says which of them a host of one's own is.`,
		Example: `  csph services connect-repo web https://github.com/acme/shop --branch main
  csph services connect-repo web https://gitlab.com/acme/shop --token-file token.txt
  csph services connect-repo web git@github.com:acme/shop.git --make-key
  csph services connect-repo web https://git.example.com/acme/shop --poll 5m
  csph services connect-repo web https://github.com/acme/shop --watch 'apps/web/**' --watch go.mod`,
		Args: atMost(2),
	}
	flag := serviceFlag(cmd)
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		service, url := repositoryArguments(args)
		c, svc, err := a.found(cmd.Context(), *flag, service)
		if err != nil {
			return err
		}
		switch {
		case f.disconnect:
			if err := c.DisconnectRepository(cmd.Context(), svc.ID); err != nil {
				return err
			}
			return a.show(map[string]string{"disconnected": svc.Name}, func() error { return a.printf("%s is connected to no repository\n", svc.Name) })
		case url == "":
			return a.showRepository(cmd, c, svc)
		}
		return a.connectRepository(cmd, c, svc, f, url)
	}
	return cmd
}

// add declares the flags.
func (f *repositoryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.branch, "branch", "", "what is deployed (default: the repository's default branch)")
	cmd.Flags().StringVar(&f.token, "token-file", "", "file of a token that may read the repository; - for standard input")
	cmd.Flags().StringVar(&f.user, "user", "", "user name that goes with the token, where the host wants a certain one")
	cmd.Flags().StringVar(&f.deployKey, "deploy-key", "", "file of a private key that may read the repository; - for standard input")
	cmd.Flags().BoolVar(&f.makeKey, "make-key", false, "make a deploy key, and print its public half")
	cmd.Flags().DurationVar(&f.poll, "poll", 0, "ask for new commits that often, where no webhook can reach this server; 1m or more")
	cmd.Flags().StringVar(&f.provider, "provider", "", "who keeps it, where neither its host nor a webhook says: github, gitlab, bitbucket-server, gitea, …")
	cmd.Flags().StringArrayVar(&f.watch, "watch", nil, "pattern, as in .gitignore, of files whose changes are deployed; repeatable (default: all)")
	cmd.Flags().BoolVar(&f.lfs, "lfs", false, "fetch the contents of Git LFS files too (default: their pointers are deployed)")
	cmd.Flags().BoolVar(&f.disconnect, "disconnect", false, "forget the connection; what is live stays")
}

// repositoryArguments tells the service from the URL.
func repositoryArguments(args []string) (service []string, url string) {
	for _, arg := range args {
		if strings.ContainsAny(arg, ":") {
			url = arg
		} else {
			service = append(service, arg)
		}
	}
	return service, url
}

func (a *app) showRepository(cmd *cobra.Command, c *client.Client, svc wire.ServiceView) error {
	r, err := c.Repository(cmd.Context(), svc.ID)
	if errors.Is(err, platform.ErrNotFound) {
		return fmt.Errorf("%w. Connect one with: csph services connect-repo %s https://…", err, svc.Name)
	}
	if err != nil {
		return err
	}
	return a.show(r, func() error {
		if r.Muted != "" {
			a.note("Nothing is reported to its host any more: %s", r.Muted)
		}
		return a.table("REPOSITORY\tBRANCH\tCREDENTIAL\tPOLLED\tWATCHED\tCONNECTED", [][]string{{
			r.URL, first(r.Branch, "(default)"), first(r.Credential, "none"), polled(r.Poll), first(strings.Join(r.Watch, " "), "all"), when(r.Connected),
		}})
	})
}

func polled(every time.Duration) string {
	if every == 0 {
		return "never"
	}
	return "every " + every.String()
}

func (a *app) connectRepository(cmd *cobra.Command, c *client.Client, svc wire.ServiceView, f *repositoryFlags, url string) error {
	n := wire.NewRepository{URL: url, Branch: f.branch, User: f.user, MakeKey: f.makeKey, PollSeconds: int(f.poll.Seconds()), Provider: f.provider, Watch: f.watch, LFS: f.lfs}
	if f.poll != 0 && f.poll < time.Minute {
		return usageError{fmt.Errorf("--poll %s is too often; a minute is the least", f.poll)}
	}
	var err error
	if n.Token, err = a.readCredential(f.token); err != nil {
		return err
	}
	n.Token = strings.TrimSpace(n.Token)
	if n.DeployKey, err = a.readCredential(f.deployKey); err != nil {
		return err
	}
	made, err := c.ConnectRepository(cmd.Context(), svc.ID, n)
	if err != nil {
		return err
	}
	return a.show(made, func() error {
		if made.PublicKey != "" {
			return a.printf("Enter this as a read-only deploy key at the repository's host:\n\n%s\n\nThen: csph deploy --fetch --service %s\n", made.PublicKey, svc.Name)
		}
		return a.printf("%s is connected to %s, which is at %.7s\nDeploy it: csph deploy --fetch --service %s\nOn every push: csph webhooks create --service %s --provider …\n",
			svc.Name, made.URL, made.Commit, svc.Name, svc.Name)
	})
}

// readCredential reads a file of at most maxKeyFile bytes; "" reads nothing.
func (a *app) readCredential(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	from := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read the credential: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("read the credential: %w", err)
	}
	return string(text), nil
}
