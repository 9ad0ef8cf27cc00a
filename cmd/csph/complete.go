package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// completionTimeout bounds how long a shell waits for names.
const completionTimeout = 3 * time.Second

// bashWords stands for what the script of cobra takes from the package bash-completion, where that is not loaded.
const bashWords = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=
        ((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}
    }
fi
`

// namesOf lists what can stand where a command line wants something, with a description behind a tab.
type namesOf func(ctx context.Context, c *client.Client) ([]string, error)

// completeNames gives every command that takes a service, deployment, … the names that there are now. What a
// word means follows from how usage calls it.
func (a *app) completeNames(root *cobra.Command) {
	nouns := map[string]namesOf{
		"SERVICE": serviceNames, "DEPLOYMENT": deploymentIDs, "PROJECT": projectNames, "ENVIRONMENT": environmentNames,
		"MEMBER": memberNames, "TOKEN": tokenNames, "KEY": keyNames, "VOLUME": volumeNames, "SNAPSHOT": snapshotIDs,
	}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && cmd.HasParent() {
			cmd.ValidArgsFunction = a.wordNames(cmd.Use, nouns)
		}
		for flag, names := range map[string]namesOf{"service": serviceNames, "deployment": deploymentIDs, "project": projectNames} {
			if cmd.Flags().Lookup(flag) != nil {
				_ = cmd.RegisterFlagCompletionFunc(flag, a.flagNames(names)) // fails only for a flag that is not there
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// wordNames completes the first word behind a command by what its usage calls it.
func (a *app) wordNames(use string, nouns map[string]namesOf) cobra.CompletionFunc {
	_, rest, _ := strings.Cut(use, " ")
	word, _, _ := strings.Cut(strings.TrimLeft(rest, "["), " ")
	names, known := nouns[strings.TrimRight(word, "]")]
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if !known {
			return nil, cobra.ShellCompDirectiveDefault
		}
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.names(cmd, names)
	}
}

func (a *app) flagNames(names namesOf) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.names(cmd, names)
	}
}

// names asks the server. A shell that completes cannot be told of an error: there is nothing to choose then.
func (a *app) names(cmd *cobra.Command, names namesOf) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completionTimeout)
	defer cancel()
	c, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, err := names(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// contextOf is a command's context; completion runs before it has one.
func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func described[T any](all []T, err error, name func(T) (name, description string)) ([]string, error) {
	names := make([]string, len(all))
	for i, one := range all {
		text, description := name(one)
		names[i] = text + "\t" + description
	}
	return names, err
}

func serviceNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Services(ctx)
	return described(all, err, func(s wire.ServiceView) (string, string) {
		if s.EnvName != platform.DefaultEnvironment {
			return s.EnvName + "/" + s.Name, runs(s)
		}
		return s.Name, runs(s)
	})
}

func deploymentIDs(ctx context.Context, c *client.Client) ([]string, error) {
	const newest = 50
	all, err := c.Deployments(ctx, "", newest)
	return described(all, err, func(d platform.Deployment) (string, string) {
		return d.ID, d.Name + ", " + string(d.Status) + ", " + when(d.Created)
	})
}

func projectNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Projects(ctx)
	return described(all, err, func(p platform.Project) (string, string) { return p.Name, p.ID })
}

func environmentNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Environments(ctx, "")
	return described(all, err, func(e platform.Environment) (string, string) { return e.Name, e.ID })
}

func memberNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Members(ctx)
	return described(all, err, func(m platform.Member) (string, string) { return m.Name, string(m.Role) })
}

func tokenNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Tokens(ctx)
	return described(all, err, func(t wire.TokenView) (string, string) { return t.Name, t.ID })
}

func keyNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Keys(ctx)
	return described(all, err, func(k platform.Key) (string, string) { return k.Fingerprint, k.Name })
}

func volumeNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Volumes(ctx, "")
	return described(all, err, func(v platform.Volume) (string, string) {
		if v.EnvName != platform.DefaultEnvironment {
			return v.EnvName + "/" + v.Name, whereabouts(v)
		}
		return v.Name, whereabouts(v)
	})
}

func snapshotIDs(ctx context.Context, c *client.Client) (names []string, err error) {
	volumes, err := c.Volumes(ctx, "")
	for _, v := range volumes {
		if err != nil {
			return nil, err
		}
		var all []platform.Snapshot
		all, err = c.Snapshots(ctx, v.ID)
		some, _ := described(all, nil, func(s platform.Snapshot) (string, string) { return s.ID, s.VolumeName + ", " + when(s.Created) })
		names = append(names, some...)
	}
	return names, err
}
