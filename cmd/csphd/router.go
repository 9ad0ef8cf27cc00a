package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"csph/router"
)

func routerCommand() *cobra.Command {
	var listen, routes string
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Run the router alone, with a table from a file that is read again when it changes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return router.RunStandalone(cmd.Context(), listen, routes, newLogger(slog.LevelInfo))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", ":80", "address to listen on")
	cmd.Flags().StringVar(&routes, "routes", "", `table: {"routes":[{"host":"app.example.test","targets":["127.0.0.1:9000"]}]}`)
	_ = cmd.MarkFlagRequired("routes")
	return cmd
}
