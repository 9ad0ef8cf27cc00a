package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// maxKeyFile bounds what is read of a key file.
const maxKeyFile = 64 << 10

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Aliases: []string{"key"}, Short: "SSH keys that may git push", RunE: needsSubcommand}
	cmd.AddCommand(a.keysAdd(), a.keysList(), a.keysRemove())
	return cmd
}

func (a *app) keysAdd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "add FILE", Short: "Add a public key; - reads it from standard input", Args: exactly(1, "the file of a public key"),
		Example: "  csph keys add ~/.ssh/id_ed25519.pub",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.readKey(args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			k, err := c.AddKey(cmd.Context(), wire.NewKey{Name: name, Public: text})
			if err != nil {
				return err
			}
			return a.show(k, func() error { return a.printf("Added %s (%s, %s)\n", k.Name, k.ID, k.Fingerprint) })
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the key (default: its comment)")
	return cmd
}

func (a *app) readKey(path string) (string, error) {
	from := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read key: %w. Make one with: ssh-keygen -t ed25519", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	return string(text), nil
}

func (a *app) keysList() *cobra.Command {
	read := func(cmd *cobra.Command, c *client.Client) ([]platform.Key, error) { return c.Keys(cmd.Context()) }
	return listing(a, "List SSH keys", "  csph keys list", "ID\tNAME\tFINGERPRINT\tADDED", read, func(k platform.Key) []string {
		return []string{k.ID, k.Name, k.Fingerprint, when(k.Created)}
	})
}

func (a *app) keysRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove KEY", Example: "  csph keys remove laptop", Short: "Remove an SSH key, by id, fingerprint or name", Args: exactly(1, "the id, fingerprint or name of a key"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.RemoveKey(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.show(map[string]string{"removed": args[0]}, func() error { return a.printf("Removed %s\n", args[0]) })
		}),
	}
}
