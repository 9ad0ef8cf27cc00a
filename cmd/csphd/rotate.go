package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"csph/store"
	"csph/vault"
)

func rotateKeyCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "rotate-key --state DIR",
		Short: "Make a new key for secrets, encrypt them anew with it, and forget the old one",
		Long: "rotate-key makes a new key for secrets, encrypts everything that is encrypted anew, and forgets the old key. csphd\n" +
			"must be stopped; apps go on meanwhile. When it is interrupted, both keys are kept, and running it again ends it.\n" +
			"Copies of " + secretsKey + " in backups are of no use for what is encrypted from now on: make a new one.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := rotateKey(cmd.Context(), state)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d values are encrypted with a new key\n", n)
			return nil
		},
	}
	cmd.Flags().StringVar(&state, "state", defaults().State, "state folder")
	return cmd
}

// rotateKey replaces the key of the secrets in a state folder and returns how many values were encrypted anew.
func rotateKey(ctx context.Context, state string) (n int, err error) {
	unlock, err := lockState(state)
	if err != nil {
		return 0, err
	}
	defer unlock()
	key, err := vault.Open(filepath.Join(state, secretsKey))
	if err != nil {
		return 0, err
	}
	db, err := store.Open(ctx, filepath.Join(state, "csph.db"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SealWith(key)
	if err := key.Add(); err != nil {
		return 0, err
	}
	if n, err = db.Reseal(ctx); err != nil {
		return n, err
	}
	return n, key.Retire()
}
