package main

import (
	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) membersCommand() *cobra.Command {
	return group("members", "member", "Members of the account and their roles", `Members of the account and their roles.

An admin may do everything, a member deploys and configures, a viewer looks. A member can be limited to some projects.`,
		listing(a, "List members", "  csph members list", "ID\tNAME\tROLE\tPROJECTS\tSINCE",
			func(cmd *cobra.Command, c *client.Client) ([]platform.Member, error) { return c.Members(cmd.Context()) },
			func(m platform.Member) []string {
				return []string{m.ID, m.Name, string(m.Role), limits(m.Projects), when(m.Created)}
			}),
		a.membersInvite(), a.membersInvitations(), a.membersAccept(), a.membersSetRole(),
		a.removing("uninvite NAME", "Take an invitation back", "the name of who was invited", "  csph members uninvite ann@example.com", "Uninvited",
			func(cmd *cobra.Command, c *client.Client, ref string) error { return c.Uninvite(cmd.Context(), ref) }),
		a.removing("remove MEMBER", "Remove a member, with all tokens and keys", "the id or name of a member", "  csph members remove ann@example.com", "Removed",
			func(cmd *cobra.Command, c *client.Client, ref string) error {
				return c.RemoveMember(cmd.Context(), ref)
			}),
	)
}

func (a *app) membersInvite() *cobra.Command {
	var n wire.NewInvitation
	var role string
	cmd := &cobra.Command{
		Use: "invite NAME", Short: "Invite somebody to become a member", Args: exactly(1, "a name for the member, such as an e-mail address"),
		Long:    "Invite somebody to become a member. What is printed is for them, for csph members accept; it works once, for a week.",
		Example: "  csph members invite ann@example.com --role viewer --project default",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name, n.Role = args[0], platform.Role(role)
			made, err := c.Invite(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.secret(made, made.Secret, "Let %s run: csph members accept --url %s, and give it this, until %s:", made.Name, c.Base(), when(made.Expires))
		}),
	}
	cmd.Flags().StringVar(&role, "role", "member", "admin, member or viewer")
	cmd.Flags().StringSliceVar(&n.Projects, "project", nil, "limit the member to this project; again for more")
	return cmd
}

func (a *app) membersInvitations() *cobra.Command {
	cmd := listing(a, "List invitations that can still be accepted", "  csph members invitations", "ID\tNAME\tROLE\tPROJECTS\tINVITED BY\tUNTIL",
		func(cmd *cobra.Command, c *client.Client) ([]platform.Invitation, error) {
			return c.Invitations(cmd.Context())
		},
		func(i platform.Invitation) []string {
			return []string{i.ID, i.Name, string(i.Role), limits(i.Projects), i.By, when(i.Expires)}
		})
	cmd.Use = "invitations"
	return cmd
}

func (a *app) membersAccept() *cobra.Command {
	return &cobra.Command{
		Use: "accept", Short: "Accept an invitation, and log in", Args: atMost(0),
		Long: `Accept an invitation, and log in. The invitation is asked for on a terminal, else read from standard input. The
token that comes of it is kept as csph login keeps one.`,
		Example: "  csph members accept --url https://csph.example.com < invitation.txt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings()
			if err != nil {
				return err
			}
			if s.Token, err = a.askSecret("Invitation to " + s.URL); err != nil {
				return err
			}
			c, err := client.New(s.URL, s.Token, "csph/"+version)
			if err != nil {
				return usageError{err}
			}
			joined, err := c.Join(cmd.Context())
			if err != nil {
				return err
			}
			s.Token = joined.Secret
			if err := writeSettings(a.settingsPath(), s); err != nil {
				return err
			}
			return a.show(joined.Member, func() error {
				return a.printf("You are %s, with the role %s, and logged in at %s\n", joined.Member.Name, joined.Member.Role, s.URL)
			})
		},
	}
}

func (a *app) membersSetRole() *cobra.Command {
	var projects []string
	var everywhere bool
	cmd := &cobra.Command{
		Use: "set-role MEMBER ROLE", Short: "Change a member's role, or the projects it is limited to", Args: exactly(2, "a member and a role: admin, member or viewer"),
		Example: "  csph members set-role ann@example.com member\n  csph members set-role ann@example.com viewer --project shop",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			role := platform.Role(args[1])
			change := wire.MemberChange{Role: &role}
			if everywhere || len(projects) > 0 {
				change.Projects = &projects
			}
			m, err := c.ChangeMember(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.show(m, func() error {
				return a.printf("%s has the role %s, in projects: %s\n", m.Name, m.Role, limits(m.Projects))
			})
		}),
	}
	cmd.Flags().StringSliceVar(&projects, "project", nil, "limit the member to this project; again for more")
	cmd.Flags().BoolVar(&everywhere, "all-projects", false, "limit the member to no project")
	cmd.MarkFlagsMutuallyExclusive("project", "all-projects")
	return cmd
}
