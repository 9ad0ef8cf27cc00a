package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// promised are the commands that scripts and documents rely on.
const promised = `
login whoami logout
token create|list|revoke
keys add|list|remove
members list|invite|invitations|uninvite|accept|set-role|remove
accounts create|list|set-quota
projects list|create|get|delete
environments list|create|get|delete|set-env|unset-env
services list|create|get|delete|set-env|unset-env|env|set-secret|unset-secret|secrets|set-registry|remove-registry|registries|set-health|scale|autoscale|restart|clear-cache|suspend|resume|schedule|connect-repo|configure|top
deploy rollback
deployments list|get|watch|cancel|redeploy
domains add|list|verify|remove
volumes create|list|get|attach|detach|resize|delete|snapshot|snapshots|restore
webhooks create|list
logs exec run mount events metrics open
plan apply export import completion version
init link unlink status disk man
zerops validate`

// flags are those that deploy and logs are promised with.
var promisedFlags = map[string][]string{
	"deploy": {"service", "repo", "branch", "image", "build", "run", "shape", "count", "region", "env", "port", "wait-timeout", "no-wait", "output"},
	"logs":   {"build", "service", "deployment", "follow", "since", "tail", "query"},
	"apply":  {"file", "dry-run", "prune", "atomic"},
	"exec":   {"service", "stdin", "tty"},
	"run":    {"service", "stdin", "tty"},
}

func TestEveryPromisedCommandIsThere(t *testing.T) {
	root := (&app{env: func(string) string { return "" }}).root()
	var parent string
	for _, word := range strings.Fields(promised) {
		if _, _, err := root.Find([]string{word}); err == nil && !strings.Contains(word, "|") && !below(root, parent, word) {
			parent = word
			continue
		}
		for name := range strings.SplitSeq(word, "|") {
			if !below(root, parent, name) {
				t.Errorf("there is no csph %s %s", parent, name)
			}
		}
	}
	for name, flags := range promisedFlags {
		cmd, _, err := root.Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range flags {
			if cmd.Flag(flag) == nil {
				t.Errorf("csph %s has no --%s", name, flag)
			}
		}
	}
}

// below reports whether parent has a command of that name.
func below(root *cobra.Command, parent, name string) bool {
	cmd, _, err := root.Find([]string{parent})
	return err == nil && parent != "" && slices.ContainsFunc(cmd.Commands(), func(sub *cobra.Command) bool { return sub.Name() == name })
}
