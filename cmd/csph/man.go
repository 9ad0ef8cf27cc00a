package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write man pages of all commands into a folder", Args: exactly(1, "a folder"),
		Example: "  csph man ~/.local/share/man/man1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make folder: %w", err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "CSPH", Section: "1", Source: "csph " + version, Manual: "csph"}, args[0]); err != nil {
				return fmt.Errorf("write man pages: %w", err)
			}
			return a.show(map[string]string{"folder": args[0]}, func() error { return a.printf("Wrote the man pages into %s\n", args[0]) })
		},
	}
}
