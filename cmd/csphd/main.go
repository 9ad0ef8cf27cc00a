// Command csphd is the csph server: git receiver, builder, runtime, router and API in one process,
// with containerd and buildkitd as supervised children. It wires the packages together and decides nothing itself.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

var version = "dev" // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "csphd:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "csphd",
		Short:         "The csph server: git push it, and the app is built, started, checked and served.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), upgradeCommand(), destroyCommand(), doctorCommand(), routerCommand(), rotateKeyCommand())
	return root
}
