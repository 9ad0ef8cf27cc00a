package main

import (
	"github.com/spf13/cobra"
)

func (a *app) deploymentsProvenance() *cobra.Command {
	return &cobra.Command{
		Use: "provenance DEPLOYMENT", Short: "Print how the image of a deployment was made",
		Long: `Print how the image of a deployment was made: an in-toto statement with SLSA provenance v1, as JSON.
It names the image by digest, the base images with theirs, and when the build began and ended.`,
		Example: "  csph deployments provenance dep_01jq8z | jq .predicate.buildDefinition.resolvedDependencies",
		Args:    exactly(1, "the id of a deployment"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			statement, err := c.Provenance(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(statement, func() error { return a.printJSON(statement) })
		},
	}
}
