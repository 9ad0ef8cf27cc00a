package main

import (
	"github.com/spf13/cobra"

	"csph/api/client"
)

func (a *app) deploymentsProvenance() *cobra.Command {
	return &cobra.Command{
		Use: "provenance DEPLOYMENT", Short: "Print how the image of a deployment was made",
		Long: `Print how the image of a deployment was made: an in-toto statement with SLSA provenance v1, as JSON.
It names the image by digest, the commit of its source, the base images with their digests, and when the build began and ended.`,
		Example: "  csph deployments provenance dep_01jq8z | jq .predicate.buildDefinition.resolvedDependencies",
		Args:    exactly(1, "the id of a deployment"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			statement, err := c.Provenance(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(statement, func() error { return a.printJSON(statement) })
		}),
	}
}
