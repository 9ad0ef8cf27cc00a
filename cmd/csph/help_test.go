package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandShowsAnExample holds that help shows how a command is used, by its own name.
func TestEveryCommandShowsAnExample(t *testing.T) {
	a := &app{env: func(string) string { return "" }}
	commands := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if cmd.HasSubCommands() || cmd.Hidden {
			return
		}
		commands++
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s has no example of itself", cmd.CommandPath())
		}
		if cmd.Short == "" {
			t.Errorf("%s does not say what it does", cmd.CommandPath())
		}
	}
	visit(a.root())
	if commands < 60 {
		t.Errorf("only %d commands were looked at", commands)
	}
}
