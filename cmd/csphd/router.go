package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"csph/router"
)

func routerCommand() *cobra.Command {
	var listen, routes string
	var ingress ingressConfig
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Run the router alone, with a table from a file that is read again when it changes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := ingress.config(newLogger(slog.LevelInfo))
			if err != nil {
				return err
			}
			return router.RunStandalone(cmd.Context(), listen, routes, c)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", ":80", "address to listen on")
	cmd.Flags().StringVar(&routes, "routes", "", `table: {"routes":[{"host":"app.example.test","targets":["127.0.0.1:9000"]}]}`)
	cmd.Flags().StringSliceVar(&ingress.TrustedProxies, "trusted-proxies", nil, "networks whose X-Forwarded-* and Forwarded are believed")
	cmd.Flags().StringSliceVar(&ingress.ProxyProtocol, "proxy-protocol", nil, "networks of load balancers whose connections start with a PROXY protocol header")
	_ = cmd.MarkFlagRequired("routes")
	return cmd
}
