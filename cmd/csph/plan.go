package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"csph/buildpacks"
)

func (a *app) planCommand() *cobra.Command {
	var o buildpacks.Options
	cmd := &cobra.Command{
		Use: "plan [DIR]", Short: "Show how a folder would be built and started, without building", Args: atMost(1),
		Long:    "Show how a folder would be built and started, and why. Nothing is built, and no server is asked.",
		Example: "  csph plan\n  csph plan -o json ./api",
		RunE: func(_ *cobra.Command, args []string) error {
			dir := folder(args)
			if at, err := os.Stat(dir); err != nil || !at.IsDir() {
				return usageError{fmt.Errorf("%s is no folder", dir)}
			}
			p, err := buildpacks.Detect(os.DirFS(dir), o)
			if err != nil {
				return err
			}
			return a.show(p, func() error { return p.Explain(a.out) })
		},
	}
	cmd.Flags().StringVar(&o.Build, "build", "", "the build command, instead of the detected one")
	cmd.Flags().StringVar(&o.Run, "run", "", "the start command, instead of the detected one")
	cmd.Flags().StringVarP(&o.Service, "service", "s", "", "the service it would be deployed to: names its setup of zerops.yml")
	cmd.Flags().StringVar(&o.Setup, "setup", "", "the setup of zerops.yml, if it is not the one named like the service")
	cmd.Flags().StringVar(&o.Process, "process", "", "the process type of the Procfile to start, instead of web")
	cmd.Flags().BoolVar(&o.Static, "static", false, "plan it for a service of the type static")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "the folder to deploy, of a repository with several; what belongs to it is looked for from DIR on")
	return cmd
}
