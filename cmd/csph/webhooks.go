package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) webhooksCommand() *cobra.Command {
	return group("webhooks", "webhook", "Deploy on every push to a repository elsewhere",
		`Webhooks let GitHub, GitLab, Bitbucket, Azure DevOps and Gitea say that something was pushed. The service must
be connected to the repository first: csph services connect-repo.`,
		a.webhooksCreate(), a.webhooksList(), a.webhooksDeliveries(), a.webhooksRotate(), a.webhooksDelete())
}

func (a *app) webhooksCreate() *cobra.Command {
	var n wire.NewWebhook
	var keep time.Duration
	cmd := &cobra.Command{
		Use: "create [SERVICE] --provider P", Short: "Make a webhook, and print what to enter where", Args: atMost(1),
		Long: `Make a webhook, and print what to enter where at the provider. Its secret is shown here and never again.

A push to the branch is deployed; one whose message has [skip ci] or [ci skip] in it is not.`,
		Example: `  csph webhooks create web --provider github
  csph webhooks create web --provider github --previews
  csph webhooks create web --provider github --previews --keep-previews 72h
  csph webhooks create web --provider gitlab --branch release --tags 'v*'
  csph webhooks create web --provider github --watch 'apps/web/**' --watch 'packages/ui/**'`,
	}
	flag := serviceFlag(cmd)
	cmd.Flags().StringVar(&n.Provider, "provider", "", "github, gitlab, bitbucket, bitbucket-server, azure, gitea or generic")
	cmd.Flags().StringVar(&n.Branch, "branch", "", "what is deployed (default: the branch that the service is connected to, else the repository's default branch)")
	cmd.Flags().StringVar(&n.Tags, "tags", "", "pattern of tags that are deployed too, for example 'v*'")
	cmd.Flags().BoolVar(&n.Previews, "previews", false, "deploy pull requests, each to an environment of its own, with the service's settings, variables and secrets")
	cmd.Flags().DurationVar(&keep, "keep-previews", 0, "how long a preview stays without a commit (default: as csphd is configured, 14 days)")
	cmd.Flags().StringArrayVar(&n.Watch, "watch", nil, "pattern, as in .gitignore, of files whose changes are deployed; repeatable (default: all)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		n.KeepPreviewsSeconds = int64(keep.Seconds())
		if n.Provider == "" {
			return usageError{fmt.Errorf("csph webhooks create wants --provider: github, gitlab, bitbucket, bitbucket-server, azure, gitea or generic")}
		}
		c, svc, err := a.found(cmd.Context(), *flag, args)
		if err != nil {
			return err
		}
		made, err := c.CreateWebhook(cmd.Context(), svc.ID, n)
		if err != nil {
			return err
		}
		return a.showMade(made)
	}
	return cmd
}

func (a *app) showMade(made wire.MadeWebhook) error {
	return a.show(made, func() error {
		return a.printf("Webhook %s\n\n  %s\n\nThe secret is not shown again; csph webhooks rotate %s makes a new one.\n", made.ID, strings.Join(made.Setup, "\n  "), made.ID)
	})
}

func (a *app) webhooksList() *cobra.Command {
	cmd := &cobra.Command{Use: "list [SERVICE]", Short: "List a service's webhooks", Example: "  csph webhooks list web"}
	return listingOf(a, cmd, "ID\tPROVIDER\tBRANCH\tTAGS\tWATCHED\tPREVIEWS\tCREATED", (*client.Client).Webhooks, func(w platform.Webhook) []string {
		return []string{w.ID, w.Provider, first(w.Branch, "the connected one"), first(w.Tags, "-"), first(strings.Join(w.Watch, " "), "all"), previewed(w), when(w.Created)}
	})
}

// previewed is how long a webhook's previews stay.
func previewed(w platform.Webhook) string {
	switch {
	case !w.Previews:
		return "no"
	case w.KeepPreviews == 0:
		return "yes"
	}
	return "for " + w.KeepPreviews.String()
}

func (a *app) webhooksDeliveries() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "deliveries WEBHOOK", Short: "List what a webhook has taken on, and what became of it",
		Args: exactly(1, "the id of a webhook"), Example: "  csph webhooks deliveries whk_01j9…",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			all, err := c.Deliveries(cmd.Context(), args[0], limit)
			if err != nil {
				return err
			}
			return listed(a, all, "ACCEPTED\tREF\tCOMMIT\tSENDER\tOUTCOME\tDEPLOYMENT", func(d platform.Delivery) []string {
				return []string{when(d.Accepted), strings.TrimPrefix(d.Ref, "refs/heads/"), short(d.Commit), d.Sender, first(d.Outcome, "under way"), first(d.Deployment, "-")}
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, the newest first")
	return cmd
}

// short is the beginning of a commit id.
func short(commit string) string { return commit[:min(len(commit), 7)] }

func (a *app) webhooksRotate() *cobra.Command {
	return &cobra.Command{
		Use: "rotate WEBHOOK", Short: "Give a webhook a new secret; the old one counts no more",
		Args: exactly(1, "the id of a webhook"), Example: "  csph webhooks rotate whk_01j9…",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			made, err := c.RotateWebhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.showMade(made)
		}),
	}
}

func (a *app) webhooksDelete() *cobra.Command {
	return a.removing("delete WEBHOOK", "Delete a webhook", "the id of a webhook", "  csph webhooks delete whk_01j9…", "Deleted",
		func(cmd *cobra.Command, c *client.Client, id string) error { return c.DeleteWebhook(cmd.Context(), id) })
}
